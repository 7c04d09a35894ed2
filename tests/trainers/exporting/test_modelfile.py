"""Chat forms said in Go's words, and the faults that make a good model speak gibberish."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from advisor.errors import PlanError
from trainers.exporting.go_template import evaluated, written
from trainers.exporting.modelfile import Modelfile, Wanted, parsed, problems
from trainers.exporting.turns import form_of

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
GREETED = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}"
)
HEADED = (
    "<s>{% for m in messages %}{{ '### \"' + m['role'] + '\" {{\\\\}}\x1f\n' + m['content'] }}"
    "{{ '</s>' if m['role'] == 'assistant' else '' }}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}### Answer\n{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "[{{ m['role'] }}]{{ m['content'] }}[end]{% endfor %}"
    "{% if add_generation_prompt %}[model]{% endif %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "greeted": GREETED + CHATML,
    "headed": HEADED,
    "no_system": NO_SYSTEM,
}
ODD = 'He said "no"; 5 < 6 & {{ .System }} {% if %} \\n é中\U0001f600 <b>'
TALKS = (("Hello",), ("Hello", "Hi", "And?"), (ODD, ODD, ODD), ("  spaces  ",), ("a\n\tb\n",))


def sayer(template: str) -> Any:
    from jinja2 import TemplateError

    def refuse(said: str) -> None:
        raise TemplateError(said)

    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    made.globals["raise_exception"] = refuse
    compiled = made.from_string(template)

    def say(turns: Any, *, waits: bool) -> str | None:
        try:
            return compiled.render(messages=turns, add_generation_prompt=waits)
        except TemplateError:
            return None

    return say


def turns_of(talk: tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(talk)
    ]


def prompts_of(template: str) -> list[tuple[str, list[dict[str, str]], str]]:
    say, found = sayer(template), []
    for system in ("", "Be brief.", ODD):
        for talk in TALKS:
            first = [{"role": "system", "content": system}] if system else []
            said = say([*first, *turns_of(talk)], waits=True)
            if said is not None:
                found.append((system, turns_of(talk), said))
    return found


def modelfile(template: str | None, **changes: Any) -> Modelfile:
    told = {"base": "./m.gguf", "system": "Be brief.", "stops": ("<|im_end|>",)}
    return Modelfile(**told | {"template": template, "parameters": {"temperature": "0"}} | changes)


def wanted(template: str, **changes: Any) -> Wanted:
    told = {"ends": ("<|im_end|>",), "bos": "", "file_adds_bos": False}
    return Wanted(**told | {"prompts": prompts_of(template)} | changes)


@pytest.mark.parametrize("name", TEMPLATES)
def test_go_writes_letter_by_letter_what_the_model_s_own_template_writes(name):
    go = written(form_of(sayer(TEMPLATES[name])))
    prompts = prompts_of(TEMPLATES[name])
    assert len(prompts) == (len(TALKS) if name == "no_system" else 3 * len(TALKS))
    for system, turns, said in prompts:
        assert evaluated(go, system=system, messages=turns) == said


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_modelfile_is_read_back_as_it_was_written(name):
    file = modelfile(written(form_of(sayer(TEMPLATES[name]))), adapter="./adapter")
    assert parsed(file.text()) == file
    assert not problems(parsed(file.text()), wanted(TEMPLATES[name]))


@pytest.mark.parametrize(
    "template",
    [
        CHATML.replace("m['content']", "m['content'] | upper"),
        "{% for m in messages %}<u>{{ m.content }}{{ '' if loop.last else '</u>' }}{% endfor %}A:",
        "{% for m in messages %}{{ loop.index }}. {{ m.content }}\n{% endfor %}A:",
        "{{ messages[-1]['content'] }}{% if add_generation_prompt %}A:{% endif %}",
        "{% if add_generation_prompt %}Go: {% endif %}{% for m in messages %}{{ m.content }}{% endfor %}",
        "{{ raise_exception('never') }}",
    ],
)
def test_a_template_that_is_no_sequence_of_turns_is_told_and_not_guessed(template):
    with pytest.raises(PlanError, match="no plain sequence of turns"):
        form_of(sayer(template))


def test_a_missing_stop_token_is_found():
    go = written(form_of(sayer(CHATML)))
    (told,) = problems(modelfile(go, stops=()), wanted(CHATML))
    assert told.startswith("The stop token '<|im_end|>' is missing")
    (told,) = problems(modelfile(go, stops=("<|im_end|>", "\n")), wanted(CHATML))
    assert "is none at which the tuned model ended" in told


def test_a_missing_template_is_found():
    (told,) = problems(modelfile(None), wanted(CHATML))
    assert told.startswith("TEMPLATE is missing")


def test_another_template_is_found():
    go = written(form_of(sayer(CHATML))).replace("assistant\n", "assistant\n\n")
    (told,) = problems(modelfile(go), wanted(CHATML))
    assert "where the model's own chat template writes" in told


def test_a_beginning_written_twice_is_found():
    go = written(form_of(sayer(HEADED)))
    asked = wanted(HEADED, ends=("</s>",), bos="<s>", file_adds_bos=True)
    (told,) = problems(modelfile(go, stops=("</s>",)), asked)
    assert "begin with two of them" in told
    once = go.replace("<s>", "")
    assert not problems(modelfile(once, stops=("</s>",)), asked)
    (told,) = problems(modelfile(once, stops=("</s>",)), asked._replace(file_adds_bos=False))
    assert "from character 0 on" in told


def test_a_word_that_is_not_known_is_no_guess():
    (told,) = problems(modelfile("{{ .Prompt }}"), wanted(CHATML))
    assert "'.Prompt' is no word that is known here" in told
    for broken in ("{{ if .System }}", "{{ end }}", "{{ .System"):
        with pytest.raises(ValueError, match=r"end|closed"):
            evaluated(broken, system="", messages=[])


@pytest.mark.parametrize("text", ['Say """so"""', 'Say "so"', "one\r\ntwo"])
def test_what_ollama_s_quotes_cannot_hold_is_refused(text):
    with pytest.raises(PlanError, match="The instruction cannot stand in a Modelfile"):
        modelfile("{{ .System }}", system=text).text()


GO = """
package main

import ("encoding/json"; "os"; "text/template")

type Message struct { Role string; Content string }
type Asked struct { Template string; System string; Messages []Message }

func main() {
	var asked []Asked
	json.NewDecoder(os.Stdin).Decode(&asked)
	out := []string{}
	for _, one := range asked {
		made := template.Must(template.New("t").Option("missingkey=zero").Parse(one.Template))
		path, _ := os.CreateTemp("", "made")
		made.Execute(path, map[string]any{"System": one.System, "Messages": one.Messages, "Response": ""})
		text, _ := os.ReadFile(path.Name())
		os.Remove(path.Name())
		out = append(out, string(text))
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
"""


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
def test_go_itself_agrees(tmp_path):
    import json
    import os

    (tmp_path / "main.go").write_text(GO)
    asked, told = [], []
    for template in TEMPLATES.values():
        go = written(form_of(sayer(template)))
        for system, turns, said in prompts_of(template):
            messages = [{"Role": turn["role"], "Content": turn["content"]} for turn in turns]
            asked.append({"Template": go, "System": system, "Messages": messages})
            told.append(said)
    done = subprocess.run(
        ["go", "run", "main.go"],
        cwd=tmp_path,
        env=os.environ | {"GOCACHE": str(tmp_path / "cache"), "GO111MODULE": "off"},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == told
