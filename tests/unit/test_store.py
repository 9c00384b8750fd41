"""Projects, faces, leases, jobs, statistics and the thinning of drafts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from annotations import AnnotationStore, FaceStatus, NewFace, Source, Status
from annotations.bulk_saving import BulkMask, BulkResult
from annotations.errors import (
    AnnotationError,
    BadMaskError,
    BadPictureError,
    BadRequestError,
    JobGoneError,
    MasksWouldBeLostError,
    NameTakenError,
    NotFoundError,
)
from annotations.mask_codec import prepare_mask
from annotations.records import JobState, PersonStatistics
from annotations.taxonomy import default_scheme
from tests.label_schemes import scheme_of_34
from tests.painted_faces import Clock, labels, new_face, picture, project_with_faces

TODO, DONE = FaceStatus.TODO, FaceStatus.DONE


def test_a_project_has_its_scheme_and_counts_its_faces(store: AnnotationStore) -> None:
    first = store.projects.create(" faces ")
    other = store.projects.create("others", scheme_of_34())
    store.faces.add(other.id, [new_face(0), new_face(1)])
    assert first.name == "faces" and first.scheme == default_scheme()
    listed = store.projects.list()
    assert [project.name for project in listed] == ["faces", "others"]
    assert listed[1].num_faces == {**dict.fromkeys(FaceStatus, 0), TODO: 2}
    assert listed[1].scheme == scheme_of_34()
    assert store.projects.get(first.id) == first == store.projects.named("faces")


def test_a_project_that_cannot_be_is_refused(store: AnnotationStore) -> None:
    store.projects.create("faces")
    with pytest.raises(NameTakenError, match="a project 'faces' already"):
        store.projects.create("faces")
    with pytest.raises(BadRequestError, match="name of a project must be 1 to 100"):
        store.projects.create("")
    with pytest.raises(NotFoundError, match=r"no project 'face' here. Projects: 'faces'"):
        store.projects.named("face")
    with pytest.raises(NotFoundError, match="no project 9 here"):
        store.faces.add(9, [new_face(0)])
    assert len(store.projects.list()) == 1


def test_a_face_is_kept_as_it_came(store: AnnotationStore, clock: Clock) -> None:
    project = store.projects.create("faces")
    face_id = store.faces.add(project.id, [new_face(2**62)]).face_ids[0]
    face = store.faces.get(face_id, project.id)
    assert (face.seed, face.psi, face.noise, face.generator) == (2**62, 0.7, "off", "tiny")
    assert (face.height, face.width, face.created_at) == (6, 8, clock.now)
    assert store.faces.picture(face_id) == picture(2**62)
    assert np.array_equal(store.faces.latent(face_id), new_face(2**62).ws)
    assert store.faces.thumbnail(face_id).startswith(b"\xff\xd8")
    with pytest.raises(NotFoundError, match=f"no face {face_id} here"):
        store.faces.get(face_id, project.id + 1)


def test_a_face_that_is_added_again_is_found(store: AnnotationStore) -> None:
    project = store.projects.create("faces")
    first = store.faces.add(project.id, [new_face(0), new_face(1)])
    again = store.faces.add(project.id, [new_face(1), new_face(2), new_face(2), new_face(0)])
    assert again.num_new == 1 and first.num_new == 2
    assert again.face_ids[0] == first.face_ids[1] and again.face_ids[3] == first.face_ids[0]
    assert again.face_ids[1] == again.face_ids[2]
    elsewhere = store.projects.create("other")
    assert store.faces.add(elsewhere.id, [new_face(0)]).num_new == 1


@pytest.mark.parametrize(
    ("face", "message"),
    [
        (replace(new_face(0), picture=b"no"), "picture cannot be read: it is not a PNG"),
        (replace(new_face(0), picture=picture(0)[:-20]), "picture cannot be read"),
        (replace(new_face(0), ws=np.zeros((3, 4))), r"must be float32 \[L, C\], is float64"),
        (replace(new_face(0), ws=np.zeros(4, np.float32)), r"must be float32 \[L, C\]"),
        (replace(new_face(0), ws=np.full((1, 1), np.inf, np.float32)), "not finite"),
        (replace(new_face(0), generator=""), "name of a generator must be"),
        (replace(new_face(0), generator_sha256="abc"), "must be 64 hex digits, is 'abc'"),
        (replace(new_face(0), psi=float("nan")), "psi must be a finite number, is nan"),
        (replace(new_face(0), seed=2**63), "A seed must be 0 to"),
    ],
)
def test_a_face_that_cannot_be_kept_is_refused_with_all_its_batch(
    store: AnnotationStore, face: NewFace, message: str
) -> None:
    project = store.projects.create("faces")
    with pytest.raises(AnnotationError, match=message) as caught:
        store.faces.add(project.id, [new_face(1), face])
    assert isinstance(caught.value, BadPictureError | BadRequestError)
    assert store.faces.page(project.id).total == 0


def test_a_page_shows_some_of_the_filtered_faces(store: AnnotationStore) -> None:
    project_id, faces = project_with_faces(store, 6)
    for face in (faces[1], faces[3], faces[4]):
        store.masks.save(face, labels(), "Ann", parent_id=None, status=Status.DONE)
    page = store.faces.page(project_id, [DONE], offset=1, limit=1)
    assert [face.id for face in page.faces] == [faces[3]] and page.total == 3
    assert page.faces[0].current is not None and page.faces[0].current.author == "Ann"
    page = store.faces.page(project_id, limit=2)
    assert [face.id for face in page.faces] == faces[:2] and page.total == 6
    assert store.faces.page(project_id, []).total == 0
    assert store.faces.page(project_id, offset=9).faces == ()
    with pytest.raises(BadRequestError, match="must be 0 to 1000, is 1001"):
        store.faces.page(project_id, limit=1001)


def test_next_and_previous_walk_through_the_filtered_faces(store: AnnotationStore) -> None:
    project_id, faces = project_with_faces(store, 5)
    store.masks.save(faces[2], labels(), "Ann", parent_id=None, status=Status.DONE)

    def ids(*found: object) -> list[int | None]:
        return [getattr(face, "id", None) for face in found]

    walk = store.faces
    assert ids(walk.next(project_id), walk.next(project_id, faces[4])) == [faces[0], None]
    assert ids(walk.next(project_id, faces[1], [TODO])) == [faces[3]]
    assert ids(walk.next(project_id, None, [DONE])) == [faces[2]]
    assert ids(walk.previous(project_id, faces[3], [TODO])) == [faces[1]]
    assert ids(walk.previous(project_id, faces[0])) == [None]


def test_faces_that_others_have_open_are_passed_over(store: AnnotationStore, clock: Clock) -> None:
    project_id, faces = project_with_faces(store, 3)
    store.leases.hold(faces[0], "Ann", "tab 1", seconds=30)
    found = [store.faces.next(project_id, None, [TODO], free_for=tab) for tab in ("tab 1", "tab 2")]
    assert [face and face.id for face in found] == faces[:2]
    clock.forward(seconds=31)
    later = store.faces.next(project_id, None, [TODO], free_for="tab 2")
    assert later is not None and later.id == faces[0]


def test_removal_takes_masks_only_when_told_to(store: AnnotationStore) -> None:
    project_id, faces = project_with_faces(store, 2)
    store.masks.save(faces[0], labels(), "Ann", parent_id=None)
    store.leases.hold(faces[0], "Ann", "tab")
    for refused in (
        lambda: store.faces.remove(faces[0]),
        lambda: store.projects.remove(project_id),
    ):
        with pytest.raises(MasksWouldBeLostError, match="has 1 saved masks, which would go"):
            refused()
    store.faces.remove(faces[1])
    assert store.faces.page(project_id).total == 1
    store.projects.remove(project_id, with_masks=True)
    assert store.projects.list() == ()
    with pytest.raises(NotFoundError, match=f"no face {faces[0]} here"):
        store.faces.picture(faces[0])


def test_a_lease_shows_who_is_there_until_they_leave_or_fall_silent(
    store: AnnotationStore, clock: Clock
) -> None:
    face = project_with_faces(store)[1][0]
    assert store.leases.presence(face).holder is None
    store.leases.hold(face, "Ann", "tab 1", seconds=30)
    clock.forward(seconds=10)
    seen = store.leases.hold(face, "Bob", "tab 2", seconds=30)
    assert seen.is_held_by("tab 1") and [other.person for other in seen.others] == ["Bob"]
    clock.forward(seconds=15)
    store.leases.hold(face, "Ann", "tab 1", seconds=30)
    clock.forward(seconds=20)
    seen = store.leases.presence(face)
    assert seen.holder is not None and seen.holder.person == "Ann" and seen.others == ()
    store.leases.release(face, "tab 1")
    store.leases.release(face, "tab 1")
    assert store.leases.presence(face).holder is None


def test_who_returns_after_silence_comes_last(store: AnnotationStore, clock: Clock) -> None:
    face = project_with_faces(store)[1][0]
    store.leases.hold(face, "Ann", "tab 1", seconds=30)
    clock.forward(seconds=29)
    store.leases.hold(face, "Bob", "tab 2", seconds=30)
    clock.forward(seconds=2)
    seen = store.leases.hold(face, "Ann", "tab 1", seconds=30)
    assert seen.is_held_by("tab 2")
    store.leases.release_all("tab 2")
    assert store.leases.presence(face).is_held_by("tab 1")


def test_a_lease_does_not_stop_a_save_of_others(store: AnnotationStore) -> None:
    face = project_with_faces(store)[1][0]
    store.leases.hold(face, "Ann", "tab 1")
    assert store.masks.save(face, labels(), "Bob", parent_id=None).is_current
    with pytest.raises(NotFoundError, match="no face 99 here"):
        store.leases.hold(99, "Ann", "tab 1")


def test_a_job_runs_once_and_ends_once(store: AnnotationStore, clock: Clock) -> None:
    job = store.jobs.submit("train", {"steps": 3, "name": "ä"}, "Ann")
    assert (job.state, job.payload["steps"], job.created_at) == ("queued", 3, clock.now)
    assert store.jobs.claim(["export"], "here", 1) is None
    claimed = store.jobs.claim(["train"], "here", 1)
    assert claimed is not None and claimed.id == job.id and claimed.state == JobState.RUNNING
    assert store.jobs.claim(["train"], "here", 2) is None
    assert not store.jobs.report(job.id, "here", 1, 2, 3, "training")
    seen = store.jobs.get(job.id)
    assert (seen.done, seen.total, seen.doing, seen.heartbeat_at) == (2, 3, "training", clock.now)
    ended = store.jobs.finish(job.id, "here", 1, JobState.DONE, result={"loss": 0.5})
    assert (ended.state, ended.result) == (JobState.DONE, {"loss": 0.5})
    with pytest.raises(JobGoneError, match=f"Job {job.id} is done, and not in this"):
        store.jobs.finish(job.id, "here", 1, JobState.FAILED)
    assert store.jobs.list() == (ended,) and store.jobs.list([JobState.QUEUED]) == ()


def test_a_cancelled_job_does_not_start_and_a_running_one_learns_of_it(
    store: AnnotationStore,
) -> None:
    first, second = store.jobs.submit("train", {}), store.jobs.submit("train", {})
    assert store.jobs.cancel(first.id).state == JobState.CANCELLED
    claimed = store.jobs.claim(["train"], "here", 1)
    assert claimed is not None and claimed.id == second.id
    assert store.jobs.cancel(second.id).state == JobState.RUNNING
    assert store.jobs.report(second.id, "here", 1, 0, 0, "")
    store.jobs.finish(second.id, "here", 1, JobState.CANCELLED)
    assert store.jobs.cancel(second.id).state == JobState.CANCELLED


def test_a_job_whose_worker_was_killed_fails_and_the_worker_learns_of_it(
    store: AnnotationStore, clock: Clock
) -> None:
    jobs = [store.jobs.submit("train", {}) for _ in range(2)]
    for pid in (1, 2):
        store.jobs.claim(["train"], "here", pid)
    clock.forward(seconds=50)
    store.jobs.report(jobs[1].id, "here", 2, 0, 0, "")
    clock.forward(seconds=50)
    failed = store.jobs.fail_stale(60)
    assert [job.id for job in failed] == [jobs[0].id] and store.jobs.fail_stale(60) == ()
    assert failed[0].error.startswith("Its process (pid 1 on here) stopped without a word")
    with pytest.raises(JobGoneError, match=r"is failed, and not in this .* should stop"):
        store.jobs.report(jobs[0].id, "here", 1, 0, 0, "")


def test_a_requeued_job_is_the_next_again_and_no_longer_its_first_workers(
    store: AnnotationStore,
) -> None:
    first, _ = store.jobs.submit("train", {"run": "1"}), store.jobs.submit("train", {})
    store.jobs.claim(["train"], "here", 1)
    store.jobs.report(first.id, "here", 1, 7, 9, "training")
    requeued = store.jobs.requeue(first.id, "here", 1, {"run": "1", "restarts": 1})
    assert (requeued.state, requeued.pid, requeued.done) == (JobState.QUEUED, None, 7)
    with pytest.raises(JobGoneError, match=f"Job {first.id} is queued, and not in this"):
        store.jobs.requeue(first.id, "here", 1, {})
    claimed = store.jobs.claim(["train"], "here", 2)
    assert claimed is not None and claimed.id == first.id
    assert claimed.payload == {"run": "1", "restarts": 1}


def test_jobs_of_a_place_are_claimed_and_listed_by_it(store: AnnotationStore) -> None:
    store.jobs.submit("train", {})
    there, here = (store.jobs.submit("train", {"place": place}) for place in ("there", "here"))
    assert store.jobs.list(place="there") == (there,)
    claimed = store.jobs.claim(["train"], "host", 1, place="here")
    assert claimed is not None and claimed.id == here.id
    assert store.jobs.claim(["train"], "host", 1, place="here") is None


def test_a_job_keeps_its_traceback_whatever_is_in_it(store: AnnotationStore) -> None:
    job = store.jobs.submit("train", {})
    store.jobs.claim(["train"], "here", 1)
    long = "x" * 200_000 + "\0end"
    ended = store.jobs.finish(job.id, "here", 1, JobState.FAILED, error="no", traceback=long)
    assert len(ended.traceback) == 100_000 and ended.traceback.endswith("\\0end")
    with pytest.raises(BadRequestError, match="A job ends done, failed or cancelled, not queued"):
        store.jobs.finish(job.id, "here", 1, JobState.QUEUED)
    with pytest.raises(NotFoundError, match="no job 99 here"):
        store.jobs.get(99)


def test_statistics_count_classes_in_force_and_people(store: AnnotationStore) -> None:
    project_id, faces = project_with_faces(store, 3)
    save = store.masks.save
    first = save(faces[0], labels(4), "Ann", parent_id=None, seconds=2).revision
    done = save(
        faces[0], labels(16), "Ann", parent_id=first.id, status=Status.DONE, seconds=3
    ).revision
    store.masks.review(done.id, "Rita", accept=True)
    mixed = labels(16)
    mixed[0, 0] = 255
    save(faces[1], mixed, "Bob", parent_id=None)
    counted = store.statistics.of_project(project_id)
    assert counted.num_faces[FaceStatus.ACCEPTED] == counted.num_faces[TODO] == 1
    found = {c.name: (c.num_pixels, c.num_faces) for c in counted.classes if c.num_pixels}
    assert found == {"skin": (95, 2), "not labelled": (1, 1)} and len(counted.classes) == 19
    assert counted.people == (
        PersonStatistics("Ann", 1, 1, num_faces=1, num_accepted=1, seconds=5.0),
        PersonStatistics("Bob", num_drafts=1, num_faces=1),
        PersonStatistics("Rita", num_reviews=1),
    )
    only = store.statistics.of_project(project_id, [FaceStatus.ACCEPTED]).classes[16]
    assert only.num_pixels == 48


def test_many_masks_are_kept_all_or_none(store: AnnotationStore) -> None:
    project_id, faces = project_with_faces(store, 3)
    held = store.masks.save(faces[0], labels(1), "Ann", parent_id=None, status=Status.DONE)
    masks = [BulkMask(face, prepare_mask(labels(4), default_scheme())) for face in faces]

    def keep(masks: list[BulkMask], replace: bool = False) -> BulkResult:
        return store.imports.save_all(
            masks, "model", status=Status.DRAFT, source=Source.PREDICTED, replace=replace
        )

    with pytest.raises(NotFoundError, match="no face 99 here"):
        keep([*masks, replace(masks[0], face_id=99)])
    with pytest.raises(BadRequestError, match="was given two masks"):
        keep([*masks, masks[0]])
    assert store.faces.page(project_id, [TODO]).total == 2
    assert keep(masks) == BulkResult(num_current=2, num_beside=1, num_known=0)
    assert keep(masks) == BulkResult(num_current=0, num_beside=0, num_known=3)
    assert store.faces.get(faces[0]).current == held.revision
    assert keep(masks, replace=True) == BulkResult(num_current=1, num_beside=0, num_known=2)
    assert [one.parent_id for one in store.masks.history(faces[0])] == [None, None, 1]


def test_thinning_drops_only_drafts_that_led_to_a_finished_mask(
    store: AnnotationStore, clock: Clock
) -> None:
    project_id, (face,) = project_with_faces(store)
    save = store.masks.save
    bobs = save(face, labels(9), "Bob", parent_id=None).revision
    anns = [save(face, labels(1), "Ann", parent_id=bobs.id).revision]
    for value in (2, 3):
        anns.append(save(face, labels(value), "Ann", parent_id=anns[-1].id).revision)
    stale = save(face, labels(5), "Ann", parent_id=anns[0].id).revision
    done = save(face, labels(3), "Ann", parent_id=anns[-1].id, status=Status.DONE).revision
    later = save(face, labels(6), "Ann", parent_id=done.id).revision
    assert store.drafts.thin(project_id).num_masks == 0
    clock.forward(days=8)
    before = store.masks.history(face)
    thinned = store.drafts.thin(project_id)
    assert thinned.num_masks == 2 and thinned.num_bytes == anns[0].num_bytes + anns[1].num_bytes
    for gone in anns[:2]:
        with pytest.raises(BadMaskError, match=f"The pixels of draft {gone.id} were thinned"):
            store.masks.png(gone.id)
    for kept in (bobs, anns[2], stale, done, later):
        assert store.masks.png(kept.id)
    assert store.masks.history(face) == before and store.drafts.thin(project_id).num_masks == 0


def test_pixels_that_were_thinned_come_back_when_they_are_painted_again(
    store: AnnotationStore, clock: Clock
) -> None:
    project_id, (face,) = project_with_faces(store)
    draft = store.masks.save(face, labels(1), "Ann", parent_id=None).revision
    done = store.masks.save(face, labels(2), "Ann", parent_id=draft.id, status=Status.DONE).revision
    clock.forward(days=8)
    assert store.drafts.thin(project_id).num_masks == 1
    again = store.masks.save(face, labels(1), "Ann", parent_id=done.id).revision
    assert store.masks.png(again.id) == store.masks.png(draft.id)
    clock.forward(days=8)
    assert store.drafts.thin(project_id).num_masks == 0
    bulk = [BulkMask(face, prepare_mask(labels(1), default_scheme()))]
    store.imports.save_all(bulk, "Ann", status=Status.DONE, source=Source.PAINTED, replace=True)
    assert store.masks.labels(again.id)[0, 0] == 1


def test_a_large_picture_gets_a_small_thumbnail(store: AnnotationStore) -> None:
    import io

    project = store.projects.create("faces")
    face = replace(new_face(0), picture=picture(0, (200, 400)))
    face_id = store.faces.add(project.id, [face]).face_ids[0]
    with Image.open(io.BytesIO(store.faces.thumbnail(face_id))) as thumbnail:
        assert thumbnail.size == (160, 80)


def test_workers_that_claim_at_once_share_the_jobs_without_overlap(store: AnnotationStore) -> None:
    jobs = [store.jobs.submit("train", {}) for _ in range(12)]

    def claim_all(pid: int) -> list[int]:
        claimed = []
        while job := store.jobs.claim(["train"], "here", pid):
            claimed.append(job.id)
        return claimed

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(claim_all, range(4)))
    assert sorted(job for share in shares for job in share) == [job.id for job in jobs]


def test_a_worker_reports_on_no_job_but_its_own(store: AnnotationStore) -> None:
    job = store.jobs.submit("train", {})
    store.jobs.claim(["train"], "here", 1)
    for host, pid in (("here", 2), ("there", 1)):
        with pytest.raises(JobGoneError, match=f"Job {job.id} is running, and not in this"):
            store.jobs.report(job.id, host, pid, 1, 1, "")
    assert store.jobs.get(job.id).done == 0
