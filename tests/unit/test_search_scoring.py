"""How near a text is to a question, and how two rankings become one: the rules, without a store or an index."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.domain.media import Segment, Video
from shared.domain.runs import Run, SegmentResult
from shared.search.found import Found, Match, Picture, best_first
from shared.search.fusion import fuse
from shared.search.multi_run import FADING, aggregate
from shared.search.scoring import MOST_WORDS_SAY, Question, Scale
from shared.vectors.texts import SearchText

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def scale(text: str, rows: int = 1000, **holders: int) -> Scale:
    return Scale.of(Question.of(text), holders, rows)


def test_a_rare_word_as_typed_beats_every_text_without_it() -> None:
    said = scale("boat zephyrine", boat=400, zephyrine=1)
    holder = said.blend(0.0, said.words_in("the zephyrine boat"))
    stranger = said.blend(1.0, said.words_in("a vessel at sea"))
    assert holder > stranger


def test_where_all_words_are_common_meaning_decides() -> None:
    said = scale("red boat", red=900, boat=950)
    assert said.blend(0.9, 0.0) > said.blend(0.3, said.words_in("red boat"))


def test_what_words_say_grows_with_the_rarest_of_them_up_to_its_share() -> None:
    weights = [scale("boat", boat=held).weight for held in (1000, 300, 30, 3, 1)]
    assert all(rarer > commoner for commoner, rarer in pairwise(weights))
    assert weights[-1] == pytest.approx(MOST_WORDS_SAY)


def test_a_rare_word_tells_more_than_a_common_one() -> None:
    said = scale("boat zephyrine", boat=400, zephyrine=2)
    assert said.words_in("zephyrine") > 4 * said.words_in("boat")


def test_a_word_that_nobody_holds_makes_the_held_ones_tell_less() -> None:
    assert scale("boat unheard", boat=20, unheard=0).words_in("boat") < scale("boat", boat=20).words_in("boat")


def test_words_nobody_holds_leave_all_to_meaning() -> None:
    said = scale("unheard", unheard=0)
    assert said.weight == 0.0
    assert said.blend(0.7, said.words_in("unheard")) == pytest.approx(0.7)


def test_words_side_by_side_as_typed_are_worth_more_than_scattered_ones() -> None:
    said = scale("harbour at dawn", harbour=10, dawn=10)
    assert said.words_in("a harbour at dawn") > said.words_in("dawn over the harbour")
    assert said.words_in("a harbour at dawn") == pytest.approx(1.0)


def test_case_and_accents_do_not_count() -> None:
    said = scale("CAFÉ", cafe=3)
    assert said.words_in("a Cafe by the sea") == said.words_in("un café")


@pytest.mark.parametrize("similarity", [-1.0, 0.0, 0.4, 1.0, 1.0000001])
def test_a_score_lies_between_0_and_1_and_an_opposite_meaning_says_as_little_as_none(similarity: float) -> None:
    said = scale("boat", boat=1)
    assert 0.0 <= said.blend(similarity, 1.0) <= 1.0
    assert said.blend(-1.0, 0.5) == said.blend(0.0, 0.5)


def test_a_candidates_promise_is_never_below_what_its_text_scores() -> None:
    said = scale("red boat dawn", red=300, boat=20, dawn=4)
    for text, held in (("red", {"red"}), ("boat dawn", {"boat", "dawn"}), ("red boat dawn", {"red", "boat", "dawn"})):
        assert said.share_of(held) >= said.words_in(text) - 1e-12


def test_a_question_of_little_words_alone_is_asked_by_meaning() -> None:
    said = scale("what is it")
    assert said.question.asked == []
    assert said.blend(0.5, said.words_in("what is it")) == pytest.approx(0.5)


def found(segment: str, score: float = 0.5, *, run: str = "run_a", age: int = 0, picture: bool = False) -> Found:
    stamps = {"created_at": NOW - timedelta(days=age), "updated_at": NOW, "tenant": "t"}
    made = Run(**stamps, run_id=run, user_id="u", prompt_id="p", prompt_name="p", prompt_revision=1, status="completed")
    video = Video(**stamps, video_id="v", user_id="u", title="Film", video_uri="gs://o/v")
    row = SegmentResult(**stamps, run_id=run, video_id="v", segment_id=segment, status="successful")
    if picture:
        shown = Segment(**stamps, video_id="v", cut_id="c", segment_id=segment, ordinal=0, start=0.0, end=1.0)
        return Found(made, video, row, picture=Picture(shown, score))
    return Found(made, video, row, [Match(SearchText(0, "metadata_text", "metadata_text", "-"), score, score, 0.0)])


def test_first_in_both_rankings_scores_1_whatever_the_weights() -> None:
    for weights in ((0.5, 0.5), (3.0, 1.0), (0.2, 0.1)):
        [only] = fuse([found("s1")], [found("s1", picture=True)], *weights)
        assert only.score == pytest.approx(1.0)
        assert (only.match_type, only.text_rank, only.image_rank) == ("both", 1, 1)


def test_a_segment_in_both_rankings_comes_before_those_at_the_head_of_one() -> None:
    fused = fuse([found("words"), found("both")], [found("seen", picture=True), found("both", picture=True)], 0.5, 0.5)
    assert [one.found.segment_id for one in fused] == ["both", "seen", "words"]
    assert [one.match_type for one in fused] == ["both", "image_only", "text_only"]


def test_weights_decide_between_the_heads_of_the_rankings() -> None:
    def first(text: float, image: float) -> str:
        return fuse([found("words")], [found("seen", picture=True)], text, image)[0].found.segment_id

    assert (first(0.7, 0.3), first(0.3, 0.7)) == ("words", "seen")


def test_a_fused_score_falls_with_the_rank_by_the_formula() -> None:
    fused = fuse([found(f"s{n}") for n in range(3)], [], 1.0, 0.0)
    assert [one.score for one in fused] == pytest.approx([61 / 61, 61 / 62, 61 / 63])


def test_equal_scores_stand_in_the_order_of_their_ids() -> None:
    assert [one.segment_id for one in best_first([found("b"), found("c"), found("a")])] == ["a", "b", "c"]


def test_of_near_equal_answers_a_weighted_search_takes_the_newest_run() -> None:
    old, new = found("s", 0.80, run="run_old", age=2), found("s", 0.78, run="run_new")
    answers, runs = [[old], [new]], [old.run, new.run]
    assert [one.run.run_id for one in aggregate(answers, runs, "best")] == ["run_old"]
    assert [one.run.run_id for one in aggregate(answers, runs, "weighted")] == ["run_new"]
    assert old.ranked_by == pytest.approx(0.80 * FADING)


def test_all_keeps_every_runs_answer() -> None:
    answers = [[found("s", 0.4, run="run_a")], [found("s", 0.6, run="run_b")]]
    ordered = aggregate(answers, [one.run for [one] in answers], "all")
    assert [one.run.run_id for one in ordered] == ["run_b", "run_a"]
