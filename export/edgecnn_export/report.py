"""The self-contained HTML report of an export: verdict, ladder, layers, and the pictures whose label changed."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

from PIL import Image

from edgecnn_export.int8.layer_table import LayerRow
from edgecnn_export.int8.quantized_model import QuantizedModel
from edgecnn_export.measured import Measured
from edgecnn_export.prepared_pictures import PreparedPictures
from edgecnn_export.verdict import Verdict

__all__ = ["render_report"]

ROW, LABEL, LENGTH = 16, 300, 420
"""Pixels of a bar chart: height of a row, where bars begin, length of the longest bar."""
MOST_PICTURES = 24
"""Flipped pictures shown; the count in the text is of all."""


def render_report(
    name: str,
    verdict: Verdict,
    evaluation: PreparedPictures,
    *,
    quantized: QuantizedModel | None = None,
    labels: Sequence[str] = (),
    layer_ms: Mapping[str, float] | None = None,
) -> str:
    """An HTML page that needs no other file and no network.

    Args:
        name: Of the network.
        verdict: What was decided.
        evaluation: The pictures it was decided on.
        quantized: The int8 network and its history, when there is one.
        labels: Class names by index.
        layer_ms: Milliseconds of each layer by node name (`latency.layer_times`).
    """
    parts = [_verdict(verdict), _precisions(verdict)]
    if quantized is not None:
        parts += [_ladder(quantized), _saturation(quantized), _layers(quantized.layers, layer_ms or {})]
    if "int8" in verdict.measured:
        parts.append(_flipped(verdict.measured, evaluation, labels))
    page = Template((files("edgecnn_export") / "report.html").read_text(encoding="utf-8"))
    return page.substitute(title=escape(f"{name}: {verdict.chosen or 'nothing written'}"), body="\n".join(parts))


def _verdict(verdict: Verdict) -> str:
    style = "verdict" if verdict.chosen else "verdict refused"
    asked = f"asked for {escape(verdict.asked)}, chosen: <b>{escape(verdict.chosen or 'none, it misses')}</b>"
    lines = "".join(f"<li>{escape(k)}: {escape(v)}</li>" for k, v in verdict.reasons.items())
    where = f"Measured on {escape(verdict.source)}. {escape(verdict.machine)}."
    decision = f"<p><b>{escape(verdict.decision)}</b></p>"
    return f'<div class="{style}">{decision}<p>{asked}</p><ul>{lines}</ul></div><p class="note">{where}</p>'


def _precisions(verdict: Verdict) -> str:
    rows = []
    for name, m in verdict.measured.items():
        top1 = "" if m.top1 is None else f"{m.top1:.2%}"
        drop = ""
        if m.drop is not None and m.drop_interval is not None:
            drop = f"{m.drop:+.2f} ({m.drop_interval[0]:+.2f} to {m.drop_interval[1]:+.2f})"
        flips = f"{len(m.flipped)} of {m.pictures} ({m.flip_interval[0]:.2f} to {m.flip_interval[1]:.2f} %)"
        time = f"{m.latency.median_ms:.2f} ± {m.latency.spread_ms / 2:.2f}"
        rows.append([name, top1, drop, flips, time, f"{m.speedup:.2f}", f"{m.size_bytes / 1e6:.2f}"])
    head = ["precision", "top-1", "points lost (95 %)", "labels flipped (95 %)", "ms a picture", "times fp32", "MB"]
    plot = _bars({k: m.latency.median_ms for k, m in verdict.measured.items()}, unit="ms a picture")
    return f"<h2>Precisions</h2>{_table(head, rows)}{plot}"


def _ladder(quantized: QuantizedModel) -> str:
    rows = [
        [
            r.name,
            f"{r.logit_error:.4f}" if math.isfinite(r.logit_error) else "",
            f"{r.agreement:.2%}" if math.isfinite(r.agreement) else "",
            "kept" if r.kept else "dropped",
            r.reason,
        ]
        for r in quantized.steps
    ]
    kept = [r.kept for r in quantized.steps]
    notes = [
        f"Compared on {len(quantized.held_out)} held-out calibration pictures; the error is the logits' change, "
        "relative.",
        *quantized.calibration.get("warnings", []),
    ]
    if quantized.excluded:
        notes.append("In float because they lost too much: " + ", ".join(quantized.excluded) + ".")
    if quantized.unquantized:
        counts = ", ".join(f"{n} {k}" for k, n in quantized.unquantized.items())
        notes.append(f"In float because they read float tensors: {counts}.")
    text = "".join(f'<p class="note">{escape(n)}</p>' for n in notes)
    measured = {r.name: r.logit_error for r in quantized.steps if math.isfinite(r.logit_error)}
    plot = _bars(measured, unit="relative logit error", most=0.3)
    return f"<h2>Ladder</h2>{_table(['step', 'error', 'agreement', '', ''], rows, kept)}{plot}{text}"


def _saturation(quantized: QuantizedModel) -> str:
    before, after = quantized.forecast_before, quantized.forecast
    text = (
        f"On an x86 CPU without VNNI, 16-bit sums would have changed the logits by {before.logit_error:.2%} and "
        f"{before.labels_changed} of {before.pictures} labels. "
    )
    text += (
        f"In this file they change the logits by {after.logit_error:.2%} on the same pictures."
        if after.possible
        else "In this file no input can make a sum leave 16 bits: the answer is the same with and without VNNI."
    )
    noise = {x.name: max(0.0, 100 + x.noise_db) for x in before.saturating[:20]}
    plot = _bars(noise, unit="dB above -100 dB, worst layers before mitigation") if noise else ""
    return f"<h2>Saturation without VNNI</h2><p>{escape(text)}</p>{plot}"


def _layers(layers: Sequence[LayerRow], times: Mapping[str, float]) -> str:
    rows = [
        [
            x.name,
            x.operator,
            f"{x.weights:,}",
            str(x.bits),
            f"{x.sqnr_db:.1f}",
            f"{x.saturated:,}" if x.saturated else "",
            f"{x.saturation_db:.0f}" if math.isfinite(x.saturation_db) else "",
            f"{times[x.name]:.3f}" if x.name in times else "",
        ]
        for x in layers
    ]
    head = ["layer", "operator", "weights", "bits", "SQNR dB", "sums saturated before", "their noise dB", "ms"]
    plot = _bars({x.name: max(x.sqnr_db, 0.0) for x in layers}, unit="SQNR, dB")
    return f"<h2>Layers</h2>{_table(head, rows)}{plot}"


def _flipped(measured: Mapping[str, Measured], evaluation: PreparedPictures, labels: Sequence[str]) -> str:
    int8 = measured["int8"]
    figures = []
    for i in int8.flipped[:MOST_PICTURES]:
        lines = []
        if evaluation.labels is not None:
            lines.append(f"is {_name(labels, int(evaluation.labels[i]))}")
        lines += [f"{kind}: {_name(labels, each.answers[i])}" for kind, each in measured.items()]
        caption = "<br>".join(escape(x) for x in lines)
        figures.append(
            f'<figure><img alt="picture {i}" src="{_thumbnail(evaluation, i)}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    count = f"{len(int8.flipped)} of {int8.pictures} pictures have another label in int8 than in fp32"
    shown = f"; the first {MOST_PICTURES} are shown" if len(int8.flipped) > MOST_PICTURES else ""
    return f'<h2>Flipped pictures</h2><p>{count}{shown}.</p><div class="pictures">{"".join(figures)}</div>'


def _thumbnail(evaluation: PreparedPictures, index: int) -> str:
    picture = Image.fromarray(evaluation.pixels[index])
    picture.thumbnail((160, 160))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _name(labels: Sequence[str], index: int) -> str:
    return labels[index] if index < len(labels) else f"class {index}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[bool] = ()) -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    lines = []
    for i, row in enumerate(rows):
        style = ' class="kept"' if i < len(kept) and kept[i] else ""
        lines.append(f"<tr{style}>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>")
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _bars(values: Mapping[str, float], *, unit: str, most: float | None = None) -> str:
    """Horizontal bars as inline SVG, one a value; longer ones than `most` are cut, their number still stands beside."""
    if not values:
        return ""
    top = max(values.values()) if most is None else min(most, max(values.values()))
    top = top if top > 0 else 1.0
    rows = []
    for i, (name, value) in enumerate(values.items()):
        length = LENGTH * max(0.0, min(value, top)) / top
        y = i * ROW
        rows.append(
            f'<text x="{LABEL - 6}" y="{y + 12}" text-anchor="end">{escape(name[:52])}</text>'
            f'<rect x="{LABEL}" y="{y + 2}" width="{length:.1f}" height="{ROW - 4}"/>'
            f'<text x="{LABEL + length + 5:.1f}" y="{y + 12}">{value:.4g}</text>'
        )
    height = ROW * len(values) + 20
    caption = f'<text x="{LABEL}" y="{height - 5}">{escape(unit)}</text>'
    width = LABEL + LENGTH + 80
    start = f'<svg role="img" aria-label="{escape(unit)}" viewBox="0 0 {width} {height}" width="{width}">'
    start = f'<div class="scroll">{start}'
    return f"{start}{''.join(rows)}{caption}</svg></div>"
