"""Label bars, state, rates and help on top of a picture."""

from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.frame_slot import State
from edgecnn_runtime.live.view import View

from edgecnn.camera.sobel import KERNELS, EdgeKind
from edgecnn.camera.text import Color, Pen, line_height

__all__ = ["draw_banner", "draw_help", "draw_kernel", "draw_labels", "draw_status"]

_WHITE, _FAINT, _ACCENT = (255, 255, 255), (255, 255, 255, 150), (80, 200, 120, 220)
_STATE_COLORS: dict[State, Color] = {
    State.LIVE: (80, 220, 100),
    State.STALE: (250, 180, 40),
    State.RECONNECTING: (240, 70, 60),
    State.ENDED: (160, 160, 160),
}


def draw_labels(bgr: Picture, view: View, *, count: int = 3) -> None:
    """The shown label with its bar, and the raw answer of this very frame faintly below it, at the bottom left."""
    top = view.top(count)
    if not top or view.result is None:
        return
    height, width = bgr.shape[:2]
    line = line_height(width, height)
    large, pad = round(line * 1.35), line // 2
    panel = min(width, line * 20)
    raw = view.result.top(count)
    rows = round(large * 1.35) + line // 2 + round(line * 1.1) * len(raw) + pad
    pen = Pen(bgr, (0, height - rows, panel, height))
    room = pen.width - 2 * pad
    score = f"{view.score:.0%}"
    color = _WHITE if view.sure else (255, 220, 120)
    used = pen.text((pad, pad // 3), view.label, size=large, color=color, most=room - large * 2)
    pen.text((pad + used + pad, pad // 3 + large - line), score, size=line, color=_FAINT)
    y = round(large * 1.35)
    pen.bar((pad, y), (255, 255, 255, 60), width=room, height=max(2, line // 4))
    pen.bar((pad, y), _ACCENT, width=room * view.score, height=max(2, line // 4))
    y += line // 2
    small = max(11, round(line * 0.8))
    for prediction in raw:
        pen.bar((pad, y + small // 8), (255, 255, 255, 70), width=room * 0.22 * prediction.score, height=small)
        pen.text((pad, y), f"{prediction.score:.0%}", size=small, color=_FAINT)
        pen.text((pad + round(room * 0.24), y), prediction.label, size=small, color=_FAINT, most=round(room * 0.76))
        y += round(line * 1.1)
    pen.commit()


def draw_status(bgr: Picture, view: View, *, shown_fps: float, age_ms: float | None, extra: str = "") -> None:
    """State, rates, age and drops, in one line at the top."""
    height, width = bgr.shape[:2]
    line = line_height(width, height)
    size, pad = max(11, round(line * 0.8)), line // 2
    rates = view.rates
    pen = Pen(bgr, (0, 0, width, round(line * 1.5)), shade=0.5)
    pen.dot((pad, round(line * 0.4)), _STATE_COLORS[view.state], diameter=round(line * 0.7))
    x = pad + line
    y = round(line * 0.25)
    x += pen.text((x, y), f"{view.state} {extra}".strip(), size=size, color=_WHITE) + pad
    room = width - x - pad
    age = "" if age_ms is None else f"age {age_ms:.0f} ms"
    # Whole pieces are left out on narrow pictures, the least important first.
    pieces = [
        age,
        f"label {rates.inference_fps:.0f} fps",
        f"dropped {rates.dropped}",
        f"p95 {rates.age_p95_ms:.0f} ms",
        f"capture {rates.capture_fps:.0f} fps",
        f"show {shown_fps:.0f} fps",
    ]
    numbers = " · ".join(piece for piece in pieces if piece)
    while pen.length(numbers, size) > room and " · " in numbers:
        numbers = numbers.rpartition(" · ")[0]
    pen.text((x, y), view.note or numbers, size=size, color=_FAINT, most=room)
    pen.commit()


def draw_banner(bgr: Picture, title: str, note: str) -> None:
    """A large line in the middle of a darkened picture, for times without a picture."""
    height, width = bgr.shape[:2]
    line = line_height(width, height)
    middle = height // 2
    pen = Pen(bgr, (0, max(0, middle - 2 * line), width, min(height, middle + 2 * line)), shade=0.67)
    pen.text((line, line // 2), title, size=round(line * 1.5), color=_WHITE, most=width - 2 * line)
    pen.text((line, round(line * 2.4)), note, size=max(11, round(line * 0.8)), color=_FAINT, most=width - 2 * line)
    pen.commit()


def draw_help(bgr: Picture, lines: list[tuple[str, str]]) -> None:
    """Keys and what they do, at the top right."""
    height, width = bgr.shape[:2]
    line = line_height(width, height)
    size, pad = max(11, round(line * 0.8)), line // 2
    panel = min(width, line * 18)
    pen = Pen(bgr, (width - panel, round(line * 1.5), width, round(line * (2 + 1.15 * len(lines)))), shade=0.92)
    y = pad // 2
    for key, meaning in lines:
        pen.text((pad, y), key, size=size, color=(250, 220, 120), most=4 * line)
        pen.text((pad + 4 * line, y), meaning, size=size, color=_WHITE, most=panel - 5 * line)
        y += round(line * 1.15)
    pen.commit()


def draw_kernel(bgr: Picture, kind: EdgeKind) -> None:
    """The numbers of the Sobel kernel that makes the shown edges, at the bottom right."""
    height, width = bgr.shape[:2]
    line = line_height(width, height)
    size, cell, pad = max(11, round(line * 0.8)), round(line * 2.0), line // 2
    kinds = [kind] if kind in KERNELS else list(KERNELS)
    panel = len(kinds) * (3 * cell + 2 * pad)
    rows = round(line * 1.2) * 4 + pad
    pen = Pen(bgr, (max(0, width - panel), max(0, height - rows), width, height))
    x = pad
    for shown in kinds:
        title = str(shown) if len(kinds) == 1 else f"½ |{shown}|"
        pen.text((x, pad // 2), title, size=size, color=(250, 220, 120), most=3 * cell + pad)
        for row, numbers in enumerate(KERNELS[shown]):
            for column, number in enumerate(numbers):
                y = pad // 2 + round(line * 1.2) * (row + 1)
                pen.text((x + column * cell, y), f"{number:+d}" if number else "0", size=size, color=_WHITE)
        x += 3 * cell + 2 * pad
    pen.commit()
