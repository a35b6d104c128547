"""Searching for tests: the real family on the store in this process; vectors and sentence vectors over the models' own wire."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import requests
from PIL import Image

from functions.api.search.handlers import Deps
from functions.api.search.routes import ROUTES
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.domain.ids import new_id
from shared.domain.leaves import metadata_text
from shared.domain.media import Cut, CutSettings, Index, Segment, Video, segment_id
from shared.domain.runs import Run, RunMedia, RunStatus, SegmentResult, SegmentState
from shared.inference.models import Models
from shared.media.pictures import thumbnail
from shared.search.found import texts_of
from shared.search.image import ImageSearch
from shared.search.text import TextSearch
from shared.store.indexes import Indexes
from shared.store.markers import Markers
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.tables.cache import FileCache
from shared.tables.filtering import FilterSearch
from shared.vectors.ids import TextId
from shared.vectors.index import VectorIndex
from shared.vectors.points import image_point, text_points
from tests.api.world import PROJECT, Answer, World

LONG_AGO = timedelta(days=1)


class SignedByName:
    """Addresses that say what they lead to; signing itself is proven with the storage service."""

    def signed_url(self, uri: str) -> str:
        return f"https://signed.test/{uri.removeprefix('gs://')}"


@dataclass
class SearchWorld:
    api: World
    vectors: VectorIndex
    models: Models
    key: dict[str, str]
    tenant: str
    serial: int = 0
    segments: dict[str, Segment] = field(default_factory=dict)  # by id

    def ask(self, path: str, **body: Any) -> Answer:
        path, _, query = path.partition("?")
        return self.api.call("POST", path, body, self.key, query=dict(parse_qsl(query)))

    def found(self, path: str, **body: Any) -> list[dict[str, Any]]:
        answer = self.ask(path, **body)
        assert answer.status == 200, answer.body
        return answer.json

    def index(self) -> str:
        index_id = new_id("index")
        self._create(Index(**self._stamps(), tenant=self.tenant, index_id=index_id, user_id="ada", name="Films"))
        return index_id

    def video(self, index_id: str = "", cuts: int = 1, **values: Any) -> Video:
        """A film of ten-second segments whose pictures are shown in the fourth second of each."""
        video_id = new_id("video")
        names = {"user_id": "ada", "title": "A film", "video_uri": f"gs://originals/{video_id}", "generation": video_id}
        video = Video(**self._stamps(), tenant=self.tenant, video_id=video_id, index_id=index_id, **{**names, **values})
        self._create(video)
        cut_id = CutSettings().cut_id(video)
        self._create(
            Cut(**self._stamps(), tenant=self.tenant, video_id=video_id, cut_id=cut_id, generation="1", segment_count=cuts)
        )
        for ordinal in range(cuts):
            identity = segment_id(video_id, cut_id, ordinal)
            segment = Segment(
                **self._stamps(),
                tenant=self.tenant,
                video_id=video_id,
                cut_id=cut_id,
                segment_id=identity,
                ordinal=ordinal,
                start=ordinal * 10.0,
                end=ordinal * 10.0 + 10.0,
                thumbnail_uri=f"gs://derived/thumbs/{identity}.jpg",
                picture_time=ordinal * 10.0 + 4.0,
            )
            self._create(segment)
            self.segments[identity] = segment
        return video

    def run(self, video: Video, answers: Sequence[dict[str, Any] | str], *, disabled: Sequence[str] = (), age: int = 0) -> Run:
        """A finished run that said this of each segment of the film in turn; a plain string is its `headline`."""
        stamps = self._stamps(age)
        run = Run(
            **stamps,
            tenant=self.tenant,
            run_id=new_id("run"),
            user_id="ada",
            prompt_id="prompt_1",
            prompt_name="Scenes",
            prompt_revision=1,
            prompt={"semantic_indexing": {"disabled_segment_fields": list(disabled)}},
            target={},
            index_ids=[video.index_id],
            status=RunStatus.COMPLETED,
        )
        self._create(run)
        cut = self.api.store.get(Cut, self.tenant, video.video_id, CutSettings().cut_id(video))
        assert cut is not None
        batch = self.api.store.batch()
        batch.raw_update(cut, {f"runs.{run.run_id}": stamps["created_at"]})
        batch.commit()
        for ordinal, said in enumerate(answers):
            metadata = {"headline": said} if isinstance(said, str) else said
            self._result(run, video, cut.cut_id, ordinal, metadata)
        return run

    def whole(self, run: Run, video: Video, metadata: dict[str, Any]) -> None:
        """A media-wide result."""
        media = RunMedia(
            **self._stamps(),
            tenant=self.tenant,
            run_id=run.run_id,
            video_id=video.video_id,
            index_id=video.index_id,
            status="completed",
            open=False,
            video_level_metadata=metadata,
            video_level_text=metadata_text(metadata),
            vector_attempt=1,
        )
        self._create(media)
        self._index(run, media, TextId(run.run_id, video.video_id, "", 1, 0), video.index_id)

    def pictures(self, video: Video, pictures: Sequence[Image.Image]) -> None:
        for ordinal, picture in enumerate(pictures):
            cut_id = CutSettings().cut_id(video)
            vector = self.models.embed_picture(thumbnail(picture), "image/jpeg")
            identity = segment_id(video.video_id, cut_id, ordinal)
            self.vectors.upsert([image_point(self.tenant, video.index_id, video.video_id, cut_id, identity, vector)])

    def index_document(self, index_id: str) -> Index:
        found = self.api.store.get(Index, self.tenant, index_id)
        assert found is not None
        return found

    def row_of(self, run: Run, video: Video, ordinal: int = 0) -> SegmentResult:
        identity = segment_id(video.video_id, CutSettings().cut_id(video), ordinal)
        found = self.api.store.get(SegmentResult, self.tenant, run.run_id, video.video_id, identity)
        assert found is not None
        return found

    def change(self, document: Any, **values: Any) -> None:
        batch = self.api.store.batch()
        batch.change(document, fenced=False, **values)
        batch.commit()

    def _result(self, run: Run, video: Video, cut_id: str, ordinal: int, metadata: dict[str, Any]) -> None:
        segment = self.segments[segment_id(video.video_id, cut_id, ordinal)]
        row = SegmentResult(
            **self._stamps(),
            tenant=self.tenant,
            run_id=run.run_id,
            video_id=video.video_id,
            segment_id=segment.segment_id,
            index_id=video.index_id,
            cut_id=cut_id,
            ordinal=ordinal,
            start=segment.start,
            end=segment.end,
            thumbnail_uri=segment.thumbnail_uri,
            status=SegmentState.SUCCESSFUL,
            open=False,
            metadata=metadata,
            metadata_text=metadata_text(metadata),
            vector_attempt=1,
        )
        self._create(row)
        self._index(run, row, TextId(run.run_id, video.video_id, segment.segment_id, 1, 0), video.index_id)

    def _index(self, run: Run, row: SegmentResult | RunMedia, identity: TextId, index_id: str) -> None:
        texts = texts_of(run, row)
        vectors = self.models.embed_texts([one.text for one in texts])
        self.vectors.upsert(text_points(self.tenant, index_id, identity, texts, vectors))

    def _create(self, document: Any) -> None:
        batch = self.api.store.batch()
        batch.create(document)
        batch.commit()

    def _stamps(self, age: int = 0) -> dict[str, Any]:
        """Each thing is a millisecond younger than the one before, unless it is `age` days old."""
        self.serial += 1
        at = self.api.store.clock() + timedelta(milliseconds=self.serial) - age * LONG_AGO
        return {"created_at": at, "updated_at": at}


def build(api: World, models_url: str) -> SearchWorld:
    settings = Settings(
        project_id=PROJECT,
        vector_index=f"projects/{PROJECT}/locations/us-central1/indexes/videovector",
        vector_endpoint=f"projects/{PROJECT}/locations/us-central1/indexEndpoints/videovector#videovector",
        vector_api_endpoint=models_url,
        cursor_key="cursors",
    )
    vectors, models = VectorIndex(requests.Session(), settings), Models(settings, _client_of(models_url))
    store = api.store
    runs = Runs(store, Pages(store, Cursors("cursors")))
    texts, images = TextSearch(store, vectors, models), ImageSearch(store, vectors, models)
    filters = FilterSearch(store, FileCache(SignedByName(), Path("/nonexistent")), Cursors("cursors"))  # type: ignore[arg-type]
    deps = Deps(Indexes(store), runs, SignedByName(), texts, images, Markers(store), filters)  # type: ignore[arg-type]
    api.apps["search"] = api.app(ROUTES, deps)
    key = api.as_key("search")
    return SearchWorld(api, vectors, models, key, _tenant_of(api))


def _tenant_of(api: World) -> str:
    made = api.call("POST", "/indexes", {"name": "to learn the tenant"}, api.as_owner())
    [reference] = [one for one in api.store.db.collection("tenants").list_documents()]
    assert made.status in (200, 201)
    return reference.id


def _client_of(url: str) -> Callable[[Settings], Any]:
    def make(_: Settings) -> Any:
        from google import genai
        from google.genai import types
        from google.oauth2.credentials import Credentials

        options = types.HttpOptions(base_url=url, timeout=20_000)
        return genai.Client(
            vertexai=True, project=PROJECT, location="us-central1", credentials=Credentials(token="test"), http_options=options
        )

    return make


def as_base64(picture: Image.Image, form: str = "PNG") -> str:
    out = io.BytesIO()
    picture.save(out, form)
    return base64.b64encode(out.getvalue()).decode()
