"""One training: how far, curves, what it predicts, what went wrong, what can be done."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from studio.tabs.parts import duration
from studio.tabs.train_charts import Curve, chart_html
from studio.workflows.run_views import RunView

_FACTS = (  # key of the configuration, what people read
    ("model", "Model"),
    ("batch_size", "Batch size"),
    ("learning_rate", "Learning rate"),
    ("weight_decay", "Weight decay"),
    ("loss", "Loss"),
    ("mirror", "Mirroring"),
    ("size", "Mask size (px)"),
    ("seed", "Seed"),
)
_REPORTS = (
    ("report/index.html", "Show report"),
    ("report/test/index.html", "Report on test faces"),
)
_LOG_LINES = 40


def detail_html(view: RunView, *, is_in_force: bool) -> str:
    return (
        f'<div class="fl-run-head"><h2>{view.run.id} {escape(view.run.title)}</h2>'
        f"{_actions(view, is_in_force)}</div>"
        f"{_status(view)}{_trouble(view)}{_charts(view)}{_samples(view)}{_facts(view)}{_log(view)}"
    )


def _url(view: RunView, file: str, version: float = 0) -> str:
    """Relative to the page."""
    address = f"train/runs/{quote(view.run.name)}/{quote(file)}"
    return f"{address}?v={int(version)}" if version else address


def _actions(view: RunView, is_in_force: bool) -> str:
    parts = []
    if view.is_alive:
        parts.append(_button("cancel", "Cancel", "fl-stop", disabled=view.state == "stopping"))
    if view.can_resume:
        parts.append(_button("resume", "Resume", "fl-strong"))
    parts += [
        _report_button(view, file, text)
        for file, text in _REPORTS
        if (view.run.path / file).is_file()
    ]
    if view.run.best.is_file():
        if is_in_force:
            parts.append(_button("demote", "Use the one that ships instead"))
        else:
            parts.append(_button("promote", "Use as the segmenter"))
        address = escape(_url(view, "weights.safetensors"), quote=True)
        parts.append(f'<a class="fl-button" href="{address}" download>Download weights</a>')
    return f'<div class="fl-run-actions">{"".join(parts)}</div>'


def _report_button(view: RunView, file: str, text: str) -> str:
    url, title = _url(view, file), f"{view.run.id} {view.run.title}"
    return (
        f'<button type="button" data-do="report" data-url="{escape(url, quote=True)}" '
        f'data-title="{escape(title, quote=True)}">{text}</button>'
    )


def _button(does: str, text: str, style: str = "", *, disabled: bool = False) -> str:
    off = " disabled" if disabled else ""
    return f'<button type="button" class="{style}" data-do="{does}"{off}>{text}</button>'


def _status(view: RunView) -> str:
    doing = view.job.doing if view.job else ""
    if doing.startswith("training"):  # the curves and the time left say more
        doing = ""
    texts = {
        "queued": f"Waits for {view.place} other{'s' * (view.place > 1)}"
        if view.place
        else "Is about to start",
        "running": f"Epoch {view.epoch} of {view.epochs}" + (f" · {doing}" if doing else ""),
        "stopping": "Stops at its next step; the best epoch so far is kept",
        "done": f"Done: {view.epoch} epochs in {duration(view.seconds)}",
        "failed": f"Failed after epoch {view.epoch} of {view.epochs}",
        "cancelled": f"Cancelled after epoch {view.epoch} of {view.epochs}",
    }
    text = texts.get(view.state, f"Nobody knows where it is ({view.state})")
    if (left := view.seconds_left) is not None:
        text += f" · {duration(left)} left"
    if best := view.best:
        text += (
            f" · best: epoch {best['epoch']}, mean F1 {100 * best['mean_f1']:.2f} %, "
            f"mean IoU {100 * best['mean_iou']:.2f} %"
        )
    bar = ""
    if view.state in ("running", "stopping"):
        value = f' value="{view.epoch}" max="{view.epochs}"' if view.epoch else ""
        bar = f"<progress{value}></progress>"
    return f'<div class="fl-progress" role="status"><p>{escape(text)}</p>{bar}</div>'


def _trouble(view: RunView) -> str:
    parts = []
    if view.error:
        parts.append(f'<p class="fl-message" role="alert">{escape(view.error)}</p>')
    parts += [f'<p class="fl-warning">{escape(text)}</p>' for text in view.warnings]
    return "".join(parts)


def _charts(view: RunView) -> str:
    def curve(name: str, key: str, style: str) -> Curve:
        points = [(entry["epoch"], entry[key]) for entry in view.history if key in entry]
        return Curve(name, [(x, y) for x, y in points if y is not None], style)

    loss = [curve("training", "loss", "a"), curve("validation", "validation_loss", "b")]
    scores = [curve("mean F1", "mean_f1", "a"), curve("mean IoU", "mean_iou", "b")]
    return (
        '<div class="fl-charts">'
        + chart_html(
            "Loss", [c for c in loss if c.points] or loss[:1], last_epoch=view.epochs, percent=False
        )
        + chart_html("Validation", scores, last_epoch=view.epochs, percent=True)
        + "</div>"
    )


def _samples(view: RunView) -> str:
    """The newest ones, large; earlier epochs to be opened."""
    pictures = view.run.samples()
    if not pictures:
        return ""
    newest = pictures[-1]
    epoch = int(newest.stem.rsplit("-", 1)[-1])
    text = f"Validation faces after epoch {epoch}: picture, truth, prediction"
    url = _url(view, f"samples/{newest.name}", newest.stat().st_mtime)
    return (
        f'<figure class="fl-samples"><figcaption><b>{text}</b></figcaption>'
        f'<img src="{escape(url, quote=True)}" alt="{text}"></figure>'
    )


def _facts(view: RunView) -> str:
    rows = [("Data", str(view.facts.get("data_text", "")))]
    words = {True: "yes", False: "no"}
    rows += [
        (text, words.get(value, str(value)) if isinstance(value, bool) else str(value))
        for key, text in _FACTS
        if (value := view.config.get(key)) is not None
    ]
    rows += [
        (
            "Generator",
            f"{view.facts.get('generator', '')} "
            f"({str(view.facts.get('generator_sha256', ''))[:12]})",
        ),
        ("Started by", str(view.facts.get("person") or "somebody without a name")),
        ("Folder", f"runs/{view.run.name}"),
    ]
    body = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in rows)
    return (
        f'<details data-name="facts"><summary>Settings and data</summary><dl>{body}</dl></details>'
    )


def _log(view: RunView) -> str:
    text = view.job.traceback if view.job and view.job.traceback else ""
    lines = (view.run.log_end() + ("\n" + text if text else "")).splitlines()[-_LOG_LINES:]
    if not lines:
        return ""
    url = escape(_url(view, "log.txt"), quote=True)
    shown = escape("\n".join(lines))
    return (
        '<details data-name="log"><summary>Log</summary>'
        f'<pre>{shown}</pre><a href="{url}" target="_blank" rel="noopener">The whole log</a>'
        "</details>"
    )
