"""Values longer than a document may hold."""

from shared.domain.runs import SegmentState
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer
from tests.pipeline.world import World


def test_a_result_larger_than_a_document_is_kept_whole(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    long = "many words " * 150_000  # 1.6 MB: more than Firestore takes in one document
    gemini.say = lambda body: answer({"headline": long})
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video])
    world.deliver()

    [row] = scenes.results_of(world, run, video)
    assert row.status == SegmentState.SUCCESSFUL
    assert row.metadata == {"headline": long} and long in row.metadata_text
    [stored] = list(world.store.db.document(f"tenants/{tenant}/runs/{run.run_id}").collection("media").list_documents())
    raw = next(stored.collection("results").stream()).to_dict()
    assert raw["metadata_json"].startswith(f"blob:blobs/{tenant}/{video.video_id}/")
