"""How the studio looks: calm and dense, the system's own fonts, light and dark.

The colours are those of the painter (painter/painter.css). Text on its ground has a
contrast of 4.5 or more, edges of fields 3 or more (WCAG 2.2 AA); a test computes it.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STUDIO = Path(__file__).parent
LIGHT = {
    "surface": "#f4f5f7",
    "panel": "#ffffff",
    "line": "#d5d9df",
    "field": "#ffffff",
    "field-line": "#858d99",
    "text": "#1c2129",
    "quiet": "#59616e",
    "hover": "#e9ecf1",
    "accent": "#1f5fbf",
    "on-accent": "#ffffff",
    "accent-hover": "#184f9f",
    "chosen": "#dfe9f8",
    "good": "#1b6b3a",
    "warn": "#8a4b00",
    "bad": "#a3171f",
    "bad-ground": "#fdeceb",
}
DARK = {
    "surface": "#1a1d22",
    "panel": "#22262c",
    "line": "#373d46",
    "field": "#1a1d22",
    "field-line": "#747d8a",
    "text": "#e7eaee",
    "quiet": "#a3acb8",
    "hover": "#2f353e",
    "accent": "#7fb2ff",
    "on-accent": "#0d1624",
    "accent-hover": "#a3c8ff",
    "chosen": "#2b3d58",
    "good": "#7fd39c",
    "warn": "#f0b45f",
    "bad": "#ff9a98",
    "bad-ground": "#3d2428",
}
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Consolas", "monospace")

_COLOURS = {  # what Gradio calls it: what we call it
    "body_background_fill": "surface",
    "body_text_color": "text",
    "body_text_color_subdued": "quiet",
    "background_fill_primary": "panel",
    "background_fill_secondary": "surface",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent_soft": "chosen",
    "block_background_fill": "panel",
    "block_border_color": "line",
    "block_info_text_color": "quiet",
    "block_label_background_fill": "panel",
    "block_label_text_color": "text",
    "block_title_text_color": "text",
    "panel_background_fill": "panel",
    "accordion_text_color": "text",
    "input_background_fill": "field",
    "input_background_fill_focus": "field",
    "input_border_color": "field-line",
    "input_border_color_hover": "field-line",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "quiet",
    "slider_color": "accent",
    "loader_color": "accent",
    "link_text_color": "accent",
    "link_text_color_hover": "accent-hover",
    "link_text_color_visited": "accent",
    "link_text_color_active": "accent",
    "checkbox_background_color": "field",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color": "field-line",
    "checkbox_border_color_selected": "accent",
    "checkbox_label_background_fill": "field",
    "checkbox_label_background_fill_hover": "hover",
    "checkbox_label_background_fill_selected": "chosen",
    "checkbox_label_border_color": "field-line",
    "checkbox_label_border_color_selected": "accent",
    "checkbox_label_text_color": "text",
    "checkbox_label_text_color_selected": "text",
    "error_background_fill": "bad-ground",
    "error_border_color": "bad",
    "error_text_color": "bad",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-hover",
    "button_primary_border_color": "accent",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_secondary_background_fill": "panel",
    "button_secondary_background_fill_hover": "hover",
    "button_secondary_border_color": "field-line",
    "button_secondary_text_color": "text",
    "button_secondary_text_color_hover": "text",
    "button_cancel_background_fill": "panel",
    "button_cancel_background_fill_hover": "bad-ground",
    "button_cancel_border_color": "bad",
    "button_cancel_text_color": "bad",
    "button_cancel_text_color_hover": "bad",
}
_SHAPES = {
    "block_border_width": "0px",
    "block_padding": "0px",
    "block_shadow": "none",
    "block_radius": "6px",
    "block_label_text_size": "13px",
    "block_title_text_size": "13px",
    "block_title_text_weight": "600",
    "block_info_text_size": "12px",
    "body_text_size": "14px",
    "button_border_width": "1px",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "button_large_padding": "8px 14px",
    "button_large_radius": "6px",
    "button_large_text_size": "14px",
    "button_large_text_weight": "600",
    "button_medium_padding": "6px 12px",
    "button_medium_radius": "6px",
    "button_medium_text_size": "13px",
    "button_small_padding": "4px 10px",
    "button_small_radius": "6px",
    "button_small_text_size": "13px",
    "checkbox_label_padding": "4px 10px",
    "checkbox_label_shadow": "none",
    "checkbox_label_text_size": "13px",
    "checkbox_border_width": "1px",
    "checkbox_label_border_width": "1px",
    "container_radius": "6px",
    "form_gap_width": "0px",
    "input_border_width": "1px",
    "input_padding": "6px 8px",
    "input_radius": "6px",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 2px var(--fl-chosen)",
    "input_text_size": "14px",
    "layout_gap": "12px",
    "panel_border_width": "0px",
}


def build_theme() -> gr.themes.Base:
    """Gradio's plainest theme with our colours, sizes and fonts."""
    colours = {name: f"var(--fl-{ours})" for name, ours in _COLOURS.items()}
    both = colours | {f"{name}_dark": value for name, value in colours.items()}
    both["color_accent"] = "var(--fl-accent)"  # the one without a dark twin
    theme = gr.themes.Base(
        font=SANS,
        font_mono=MONO,
        text_size=gr.themes.sizes.text_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_sm,
    )
    return theme.set(**both, **_SHAPES)


def build_css() -> str:
    """The colours as CSS variables, light and dark, and the styles of all parts of the page."""
    parts = ("gallery", "painter", "annotate", "control", "train", "export")
    folders = [STUDIO / name for name in parts]
    sheets = [sheet for folder in folders for sheet in sorted(folder.rglob("*.css"))]
    return "\n".join(
        [
            _variables(":root", LIGHT, "light"),
            _variables(":root .dark, :root:has(body.dark)", DARK, "dark"),
            *(sheet.read_text(encoding="utf-8") for sheet in [STUDIO / "shell.css", *sheets]),
        ]
    )


def _variables(selector: str, colours: dict[str, str], scheme: str) -> str:
    lines = " ".join(f"--fl-{name}: {value};" for name, value in colours.items())
    return f"{selector} {{ color-scheme: {scheme}; {lines} }}"
