"""The same model file without edgecnn: python plain_onnxruntime.py model.onnx photo.jpg"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
card = json.loads(session.get_modelmeta().custom_metadata_map["edgecnn"])
height, width, short = card["input"]["height"], card["input"]["width"], card["preprocess"]["resize_to"]
picture = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")  # this file's rule is short-side
size = [short * side // min(picture.size) for side in picture.size]
picture = picture.resize(size, Image.Resampling.BICUBIC)
left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)
pixels = np.asarray(picture.crop((left, top, left + width, top + height)))[None]
logits = session.run([card["outputs"]["logits"]], {card["input"]["name"]: pixels})[0][0]
print(card["labels"][logits.argmax()], logits.max())
