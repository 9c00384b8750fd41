"""The encoder of photos that ships, on faces that nothing was learned from."""

from __future__ import annotations

import numpy as np

from core.generators import Generator, Noise, Outputs, RenderPass, open_runtime
from core.inversion.encoder_files import open_photo_encoder
from core.sampling import latents_from_seeds
from core.weights import WeightStore

SEEDS = range(800_000, 800_006)


def test_each_unseen_face_gets_the_answer_most_like_it(generator: Generator) -> None:
    store, name = WeightStore(), generator.identity.name
    encoder = open_photo_encoder(store, name)
    assert encoder is not None
    latents = latents_from_seeds(generator, SEEDS, psi=0.8, noise=Noise())
    outputs = Outputs(image=False, previews=(256,))
    runtime = open_runtime(RenderPass(generator, outputs, store.open_readouts(name)))

    def pictures(ws: np.ndarray) -> np.ndarray:
        return np.stack([face["preview_256"] for face in runtime.stream(ws, Noise())])

    faces = pictures(latents.ws)
    told = np.stack([encoder.encode(face) for face in faces])
    assert told.shape == latents.ws.shape
    answers = pictures(told).astype(float)
    apart = np.abs(answers[:, None] - faces[None].astype(float)).mean((2, 3, 4))
    assert (apart.argmin(1) == np.arange(len(faces))).all()  # each is most like its own face
    mean = pictures(np.broadcast_to(generator.mean_w.numpy(), (1, *told.shape[1:])).copy())
    from_mean = np.abs(mean.astype(float) - faces).mean((1, 2, 3))
    assert apart.diagonal().mean() < 0.6 * from_mean.mean()
