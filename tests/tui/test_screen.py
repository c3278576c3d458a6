"""The running app: keys, prompt, palette, errors, cancelling. The session is the hand-made one of conftest."""

from typing import Any

import pytest
from textual.events import Key

from dgmtui.commands.registry import Registry
from dgmtui.session.view import CreditView
from dgmtui.tui.help import HelpScreen
from dgmtui.tui.widgets.prompt import Prompt
from tests.tui.seen import opened


async def test_the_first_view_is_on_the_screen(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        text = seen.text()
        for expected in ("vae.h5 · 1,318 iterations", "iteration 1,317  ✗ forward", "xv Linear", "dec.xv[212]", "o63",
                         "exp overflows", "(dgm)", "n next", "? help"):  # fmt: skip
            assert expected in text


async def test_without_a_first_view_the_worker_brings_it(session: Any, registry: Registry) -> None:
    async with opened(session, registry, first=None) as seen:
        await seen.until_shows("vae.h5 · 1,318 iterations")


async def test_a_key_runs_the_line_that_its_command_declares(session: Any, registry: Registry) -> None:
    session.change(cursor=3, phase=None)
    async with opened(session, registry) as seen:
        await seen.press("n")
        await seen.until_shows("iteration 1,317  ✗ forward")
        await seen.until_shows("(dgm) iteration 1317, forward")


async def test_a_new_view_with_equal_numbers_is_drawn(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        session.renew(credit=None)
        await seen.press("n")
        await seen.until_shows("press c for contributions")


async def test_many_fast_keys_all_count(session: Any, registry: Registry) -> None:
    session.change(cursor=0, phase=None)
    async with opened(session, registry) as seen:
        await seen.press(*["l"] * 30)
        await seen.until_shows("iteration 30")


async def test_the_prompt_runs_a_line_on_enter_and_closes(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.type("goto 77")
        await seen.until_shows("iteration 77")
        assert not seen.main.query_one(Prompt).is_open
        await seen.press("n")
        await seen.until_shows("iteration 1,317  ✗ forward")


async def test_esc_closes_the_prompt_and_runs_nothing(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.press("colon", *"goto", "escape")
        assert not seen.main.query_one(Prompt).is_open
        assert session.history == []


async def test_keys_typed_into_the_prompt_are_letters(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.press("colon", "n", "q", "t")
        assert seen.main.query_one(Prompt).text == "nqt"
        assert session.history == []


async def test_what_comes_in_one_burst_behind_the_colon_is_in_the_prompt(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        for key in ("colon", "n", "N", "colon", "slash", "e"):
            seen.app.post_message(Key(key, {"colon": ":", "slash": "/"}.get(key, key)))
        await seen.until(lambda: seen.main.query_one(Prompt).text == "nN:/e")
        assert session.history == []


async def test_tab_completes_commands_and_modules(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        prompt = seen.main.query_one(Prompt)
        await seen.press("colon", "m", "o", "tab")
        assert prompt.text == "module "
        await seen.press("d", "tab")
        assert prompt.text == "module dec"
        await seen.until_shows("dec.h  dec.xv")


async def test_up_recalls_the_line_before(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.type("goto 5")
        await seen.type("goto 6")
        await seen.press("colon", "up", "up")
        assert seen.main.query_one(Prompt).text == "goto 5"
        await seen.press("down", "down")
        assert seen.main.query_one(Prompt).text == ""


async def test_a_key_whose_line_wants_an_argument_opens_the_prompt(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.press("g")
        assert seen.main.query_one(Prompt).text == "goto "
        await seen.press("9", "enter")
        await seen.until_shows("iteration 9")


async def test_a_failing_command_is_one_sentence_above_the_keys(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.type("fail")
        await seen.until_shows("fail: this can't be done; do that")
        assert "this can't be done" in seen.lines()[-2]


async def test_an_unknown_command_is_said_to_be_unknown(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.type("nonsense")
        await seen.until_shows("no command 'nonsense'")


async def test_a_defect_is_a_sentence_and_the_screen_goes_on(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.type("crash")
        await seen.until_shows("crash: ZeroDivisionError: by nothing")
        await seen.type("goto 4")
        await seen.until_shows("iteration 4")


async def test_an_answer_of_several_lines_is_in_the_output_tab(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.type("explain")
        await seen.until_shows("[output]")
        assert "exp overflows\nseries  value" in "\n".join(line[37:] for line in seen.lines())


async def test_credit_fills_the_contributions_tab(fresh_session: Any, registry: Registry) -> None:
    async with opened(fresh_session, registry) as seen:
        assert "press c for contributions" in seen.text()
        await seen.press("t", "t", "c")
        await seen.until_shows("dec.xv[212] of sample 5 = 89.41, then exp = inf")
        assert "[contributions]" in seen.text() and "+0.02~" in seen.text()


async def test_what_no_unit_is_behind_is_told_whole(fresh_session: Any, registry: Registry) -> None:
    said = "softmax is nan for nothing but the infinity that masked_fill at attention.py:8 put in: no unit is behind it"
    fresh_session.change(credit=CreditView(said, (), ""))
    async with opened(fresh_session, registry) as seen:
        await seen.until_shows("unit is behind it")
        shown = " ".join(line[24:].strip() for line in seen.lines())
        assert f"credit for {said}" in shown and "module  unit" not in shown


async def test_tabs_turn(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.press("t")
        assert "[operations]" in seen.text() and "✗    3  aten.exp" in seen.text()
        for tab in ("graph", "maps", "samples", "clusters", "output", "contributions"):
            await seen.press("t")
            assert f"[{tab}]" in seen.text()


async def test_down_looks_at_the_next_module(session: Any, registry: Registry) -> None:
    session.change(module="dec", dynamics=None)
    async with opened(session, registry) as seen:
        await seen.press("down")
        await seen.until_shows("dec.h activation, mean")
        await seen.press("up", "up")
        await seen.until(lambda: session.shown.module == "enc.1")
        assert session.history[-1] == "module enc.1"


async def test_the_root_is_selected_by_a_dot(session: Any, registry: Registry) -> None:
    session.change(module="enc")
    async with opened(session, registry) as seen:
        await seen.press("up")
        await seen.until(lambda: session.shown.module == "")


async def test_search_finds_a_module_by_its_type(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.press("slash", *"relu", "enter")
        await seen.until(lambda: session.shown.module == "enc.1")
        await seen.press("slash", *"gru", "enter")
        await seen.until_shows("no module holds 'gru'")


async def test_esc_cancels_what_is_running(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.type("wait")
        await seen.until_shows("working · 50% · Esc cancels")
        await seen.press("escape")
        await seen.until_shows("cancelled; nothing was changed")


async def test_findings_with_replay_are_looked_for_after_the_first_paint(
    fresh_session: Any, registry: Registry
) -> None:
    async with opened(fresh_session, registry) as seen:
        await seen.until_shows("exp overflows")
        assert fresh_session.looked == 1 and "replaying" not in seen.text()


async def test_a_key_interrupts_the_look_for_findings_which_is_taken_up_again(
    fresh_session: Any, registry: Registry
) -> None:
    fresh_session.slow_look = True
    async with opened(fresh_session, registry) as seen:
        await seen.until(lambda: fresh_session.looked == 1)
        await seen.press("n")
        await seen.until_shows("iteration 1,317  ✗ forward")
        await seen.until_shows("exp overflows")
        assert fresh_session.looked == 2 and "cancelled" not in seen.text()


async def test_given_commands_are_run(session: Any, registry: Registry) -> None:
    async with opened(session, registry, commands=("goto 3", "explain")) as seen:
        await seen.until_shows("[output]")
        await seen.until_shows("iteration 3")


async def test_the_palette_lists_every_command_and_finds_by_any_letters(session: Any, registry: Registry) -> None:
    async with opened(session, registry, size=(130, 45)) as seen:
        await seen.press("ctrl+p")
        await seen.until_shows("next-nonfinite")
        for command in registry.commands:
            assert command.summary in seen.text()
        await seen.press(*"nxtnon")
        await seen.until(lambda: "Go to an iteration" not in seen.text())
        await seen.press("enter")
        await seen.until_shows("iteration 1317, forward")
        assert session.history == ["next-nonfinite"]
        assert "Go one iteration on" not in seen.text()


async def test_the_palette_asks_for_arguments(session: Any, registry: Registry) -> None:
    async with opened(session, registry, size=(100, 45)) as seen:
        prompt = seen.main.query_one(Prompt)
        await seen.press("ctrl+p")
        await seen.press(*"goto", "enter")
        await seen.until(lambda: prompt.text == "goto ")
        await seen.until_shows("goto ▸N")
        await seen.press("escape", "ctrl+p", *"credit", "tab")
        await seen.until(lambda: prompt.text == "credit ")
        await seen.until_shows("▸[TARGET] [--by unit|module]")
        assert session.history == []


async def test_the_palette_closes_without_a_trace(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.until_shows("dec.h")
        before = seen.text()
        await seen.press("ctrl+p", "down", "down")
        await seen.until(lambda: seen.text() != before)
        await seen.press("escape")
        await seen.until(lambda: not seen.main.query_one(Prompt).is_open)
        assert seen.text() == before
        await seen.press("ctrl+p", *"zzzz", "enter")
        await seen.until_shows("no command has these letters")


async def test_a_typed_line_that_fails_is_shown_and_taken_up_at_the_wrong_word(
    session: Any, registry: Registry
) -> None:
    async with opened(session, registry, size=(100, 30)) as seen:
        prompt = seen.main.query_one(Prompt)
        await seen.press("colon", *"goto", "space", *"there", "enter")
        await seen.until_shows(": ↑ corrects it")
        await seen.press("colon", "up")
        await seen.until(lambda: prompt.text == "goto there")
        await seen.press("7", "enter")
        await seen.until_shows("iteration 7")


async def test_the_prompt_says_what_to_type_and_goes_through_what_tab_found(session: Any, registry: Registry) -> None:
    async with opened(session, registry, size=(100, 30)) as seen:
        prompt = seen.main.query_one(Prompt)
        await seen.press("colon", *"module", "space")
        await seen.until_shows("module ▸PATH")
        await seen.press("e", "tab")
        await seen.until_shows("enc  enc.0")
        await seen.press("tab")
        await seen.until_shows("[enc]")
        await seen.press("tab")
        await seen.until(lambda: prompt.text == "module enc.0")
        await seen.press("shift+tab", "shift+tab")
        await seen.until(lambda: prompt.text == "module enc.1")
        await seen.press("enter")
        await seen.until(lambda: session.history == ["module enc.1"])


async def test_the_history_goes_through_what_begins_so_and_ctrl_r_what_holds_it(
    session: Any, registry: Registry
) -> None:
    async with opened(session, registry) as seen:
        prompt = seen.main.query_one(Prompt)
        for line in ("goto 3", "module enc", "goto 4", "step"):
            await seen.press("colon", *("space" if letter == " " else letter for letter in line), "enter")
        await seen.until(lambda: len(session.history) == 4)
        await seen.press("colon", *"go", "up")
        assert prompt.text == "goto 4"
        await seen.press("up", "up")
        assert prompt.text == "goto 3"
        await seen.press("down", "down")
        assert prompt.text == "go"
        await seen.press("escape", "colon", *"enc", "ctrl+r")
        assert prompt.text == "module enc"


async def test_help_lists_every_key_and_command(session: Any, registry: Registry) -> None:
    async with opened(session, registry, size=(100, 90)) as seen:
        await seen.press("question_mark")
        await seen.until(lambda: isinstance(seen.app.screen, HelpScreen))
        await seen.until_shows("keys")
        for command in registry.commands:
            assert command.usage in seen.text() and command.summary in seen.text()
        await seen.press("escape")
        assert seen.app.screen is seen.main


async def test_keys_can_be_moved(session: Any, registry: Registry) -> None:
    session.change(cursor=0, phase=None)
    async with opened(session, registry) as seen:
        seen.app.set_keymap({"step": "x"})
        await seen.press("l", "x")
        await seen.until_shows("iteration 1")
        assert session.history == ["step"]


async def test_q_quits_with_code_zero(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.press("q")
        await seen.until(lambda: not seen.app.is_running)
        assert seen.app.return_value == 0


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (200, 60), (300, 100)])
async def test_every_size_is_drawn(session: Any, registry: Registry, size: tuple[int, int]) -> None:
    async with opened(session, registry, size=size) as seen:
        assert len(seen.lines()) == size[1] and "iteration 1,317" in seen.lines()[0] and "(dgm)" in seen.lines()[-2]


async def test_resizing_draws_anew(session: Any, registry: Registry) -> None:
    async with opened(session, registry, size=(80, 24)) as seen:
        for size in ((200, 60), (30, 8), (120, 40)):
            await seen.pilot.resize_terminal(*size)
            await seen.pilot.pause()
        assert "? help" in seen.lines()[-1] and "o63" in seen.text()
