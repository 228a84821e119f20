"""The protobuf wire format, as much as reading an ONNX file without the onnx package takes.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

from edgecnn_runtime.errors import ModelFileError

__all__ = ["encode_bytes", "encode_field", "fields", "numbers", "text"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield `(field number, value)` of one message: whole numbers as int, everything else as its bytes.

    Raises:
        ModelFileError: The bytes are no protobuf message, or end too early.
    """
    position, end = 0, len(message)
    while position < end:
        # Most numbers fit one byte; taking those without a call halves the time to read a model file.
        tag = message[position]
        if tag < 0x80:
            position += 1
        else:
            tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            length, position = _varint(message, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise ModelFileError(f"the file is damaged or not ONNX: wire type {wire_type} at byte {position}.")
        if number == 0 or length > end - position:
            raise ModelFileError("the file is damaged, truncated or not ONNX: a field reaches beyond its end.")
        yield number, message[position : position + length]
        position += length


def text(value: int | memoryview) -> str:
    """A field's value as text.

    Raises:
        ModelFileError: The value is a number, or not UTF-8.
    """
    if isinstance(value, int):
        raise ModelFileError("the file is damaged or not ONNX: a number where a text belongs.")
    try:
        return bytes(value).decode()
    except UnicodeDecodeError as error:
        raise ModelFileError("the file is damaged or not ONNX: a text in it is not UTF-8.") from error


def encode_bytes(number: int, payload: bytes | memoryview) -> bytes:
    """One length-delimited field: tag, length, payload."""
    return b"".join((_encode_varint(number << 3 | _BYTES), _encode_varint(len(payload)), payload))


def encode_field(number: int, value: int | bytes | memoryview) -> bytes:
    """One field as `fields` gives it; numbers of a fixed width, which ONNX's outer messages do not have, excepted."""
    if isinstance(value, int):
        return _encode_varint(number << 3 | _VARINT) + _encode_varint(value)
    return encode_bytes(number, value)


def numbers(value: int | memoryview) -> Iterator[int]:
    """The whole numbers of one occurrence of a repeated field, which may be packed into one message."""
    if isinstance(value, int):
        yield value
        return
    position = 0
    while position < len(value):
        number, position = _varint(value, position)
        yield number


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    try:
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
            if shift > 63:
                raise ModelFileError("the file is damaged or not ONNX: a number in it has no end.")
    except IndexError:
        raise ModelFileError("the file is truncated or not ONNX: it ends inside a number.") from None


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
