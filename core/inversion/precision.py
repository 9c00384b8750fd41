"""In which precision slopes are computed."""

from __future__ import annotations

import torch


def computes_in_bf16(device: torch.device) -> bool:
    """Whether its arithmetic units take bf16, so that it is quicker than f32 there."""
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
