"""The shortest script that labels one picture with onnxruntime and Pillow: the yardstick for start-up."""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
labels = json.loads(session.get_modelmeta().custom_metadata_map["edgecnn"])["labels"]
picture = Image.open(sys.argv[2]).convert("RGB").resize((256, 256), Image.Resampling.BICUBIC).crop((16, 16, 240, 240))
print(labels[session.run(["logits"], {"pixels": np.asarray(picture)[None]})[0].argmax()])
