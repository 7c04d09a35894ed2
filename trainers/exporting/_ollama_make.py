"""Makes what Ollama serves: asks the tokenizer how it writes conversations, and says it anew."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import TemplateError

from advisor.contracts import Method
from advisor.errors import PlanError
from advisor.schema.export import Exported, ExportJob, Snippet
from advisor.schema.train import Served
from trainers.engines.trl._model import tokenizer_at
from trainers.exporting._gguf_make import make_gguf, refuse_unwritable
from trainers.exporting._gguf_read import facts_of
from trainers.exporting._merging import at_hand
from trainers.exporting._writing import model_ends, name_no_place
from trainers.exporting.gguf_chat import ChatFacts, chat_facts
from trainers.exporting.gguf_vocabulary import FILE as TOKENIZER
from trainers.exporting.go_template import written
from trainers.exporting.modelfile import Modelfile, Wanted, parsed, problems
from trainers.exporting.origins import lineage_of
from trainers.exporting.serving import messages_of
from trainers.exporting.turns import Form, Say, Turns, form_of
from trainers.origin import base_of

NOT_RUN = (
    "Ollama is not installed here, so it was not run: its prompts were compared with the model's"
    " own, letter by letter, by an evaluation of the same template."
)
NOT_MADE = (
    "Ollama is here but was not asked to take the model up: run create.sh, and compare its answers"
    " with some of the evaluated ones."
)
BASE_UNSEEN = (
    "Whether '{}' is exactly the base that was tuned was not checked; on another one, or on a"
    " quantised one, the adapter answers otherwise."
)
OTHERWISE = (
    "Name llama.cpp's converter, which knows more tokenizers (option llama_cpp=FOLDER); or put the"
    " adapter on the same base as Ollama has it (options form=adapter and base=NAME)."
)
CUTS = (
    "The model's own chat template cuts spaces at both ends of a turn, Ollama's form cannot: strip"
    " texts before sending them."
)
ADAPTABLE = ("LlamaForCausalLM", "MistralForCausalLM", "GemmaForCausalLM", "Gemma2ForCausalLM")
"""Bases of which Ollama documents that it takes adapters in safetensors."""
ODD = 'He said "no"; 5 < 6 & {{ .System }} {% if %} \\n \u00e9\u4e2d\U0001f600 <b>'
SPACED = "  spaces at both ends \n"
TALKS: tuple[tuple[str, ...], ...] = (
    ("Good morning.",),
    ("Good morning.", "And to you.", "What is new?"),
    ("One", "Two", "Three", "Four", "Five"),
    (ODD,),
    (ODD, ODD, ODD),
    ("line one\nline two\n\n\tline three",),
)
SYSTEMS = ("", "Answer briefly.", ODD)


class Told(NamedTuple):
    """The Modelfile of a model, and what is to be said of it."""

    file: Modelfile
    notes: tuple[str, ...]


def make_whole(job: ExportJob, method: Callable[[str], Method]) -> Exported:
    """A merged GGUF file and its Modelfile. Raises PlanError and what the GGUF export raises.

    What Ollama cannot be told is refused before anything is merged.
    """
    line = lineage_of(Path(job.model), at_hand)
    try:
        refuse_unwritable(job, line)
    except PlanError as error:
        if error.where == TOKENIZER:
            error.hint = OTHERWISE
        raise
    tokenizer = tokenizer_at(str(line.tokenizer))
    _told(
        job, "", tokenizer, chat_facts(tokenizer, model_ends(Path(line.base)), job.name), context=1
    )
    made = make_gguf(job, method)
    facts = facts_of(made.file)
    context = _context(job, facts)
    told = _told(job, f"./{made.file.name}", made.tokenizer, made.chat, context=context)
    return _written(
        job,
        told,
        made.exported.model_copy(
            update={
                "exporter": "ollama",
                "notes": (*made.exported.notes, *told.notes),
                "unchecked": (*made.exported.unchecked, ollama_says()),
            }
        ),
    )


def make_adapter(job: ExportJob, method: Callable[[str], Method]) -> Exported:
    """The adapter's own files, on a base that Ollama has. Raises PlanError where it cannot."""
    del method
    line, out = lineage_of(Path(job.model), at_hand), Path(job.output_dir)
    if len(line.layers) != 1 or line.layers[0].kind != "adapter":
        raise PlanError(
            "Ollama takes one PEFT adapter on one base, and this is something else.",
            hint="Leave form=adapter out: a merged file needs no base.",
            where=job.model,
        )
    config = json.loads((Path(line.base) / "config.json").read_text(encoding="utf-8"))
    kind = next(iter(config.get("architectures") or ()), "")
    if kind not in ADAPTABLE or line.layers[0].config.get("peft_type") != "LORA":
        raise PlanError(
            f"Ollama is not known to take this adapter ({kind}).",
            hint="Leave form=adapter out: a merged file needs no base.",
            where=job.model,
        )
    folder = out / "adapter"
    folder.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copyfile(Path(job.model) / name, folder / name)
    name_no_place(folder, base_of(Path(job.model)))
    tokenizer = tokenizer_at(str(line.tokenizer))
    chat = chat_facts(tokenizer, model_ends(Path(line.base)), job.name)
    context = int(job.options.get("num_ctx") or config["max_position_embeddings"])
    told = _told(job, job.options["base"], tokenizer, chat, context=context)
    exported = Exported(
        exporter="ollama",
        output_dir=job.output_dir,
        files=(),
        precision="adapter",
        notes=told.notes,
        unchecked=(BASE_UNSEEN.format(job.options["base"]), ollama_says()),
    )
    return _written(job, told._replace(file=told.file._replace(adapter="./adapter")), exported)


def _context(job: ExportJob, facts: dict[str, Any]) -> int:
    trained = int(facts[f"{facts['general.architecture']}.context_length"])
    return int(job.options.get("num_ctx") or min(trained, 8192))


def _told(job: ExportJob, base: str, tokenizer: Any, chat: ChatFacts, *, context: int) -> Told:
    """The Modelfile, proved on conversations. Raises PlanError where it asks otherwise."""
    bos = tokenizer.bos_token or ""
    form = _without_bos(form_of(_sayer(tokenizer)), bos if chat.adds_bos else "")
    file = Modelfile(
        base=base,
        template=written(form),
        system=job.instruction,
        stops=tuple(chat.ends.values()),
        parameters={
            "temperature": "0",
            "num_predict": str(job.max_new_tokens),
            "num_ctx": str(context),
        },
    )
    asked = wanted(tokenizer, chat, has_system=form.before_system is not None)
    wrong = problems(parsed(file.text()), asked)
    if wrong:
        raise PlanError(
            f"The chat template cannot be said in Ollama's form: {wrong[0]}",
            hint="Serve the GGUF file by llama.cpp (--to gguf), which takes the model's own.",
            where="chat template",
        )
    if job.instruction and form.before_system is None:
        raise PlanError(
            "The model's chat template has no system turn, and Ollama has no other place for the"
            " task's instruction.",
            hint="Serve the GGUF file by llama.cpp (--to gguf) and put the instruction into the"
            " question.",
            where="chat template",
        )
    return Told(file, _spaces(tokenizer, form, bos if chat.adds_bos else ""))


def _without_bos(form: Form, bos: str) -> Form:
    """The GGUF file has it put first: a template that writes it too would have it twice."""
    if not bos:
        return form
    system = form.before_system
    return form._replace(
        opening=form.opening.removeprefix(bos),
        before_system=None if system is None else system.removeprefix(bos),
        before_user=form.before_user,
    )


def _sayer(tokenizer: Any) -> Say:
    def say(turns: Turns, *, waits: bool) -> str | None:
        try:
            return str(
                tokenizer.apply_chat_template(turns, add_generation_prompt=waits, tokenize=False)
            )
        except TemplateError:
            return None

    return say


def wanted(tokenizer: Any, chat: ChatFacts, *, has_system: bool) -> Wanted:
    """What the model's own chat template makes of conversations, with and without system turn."""
    say, prompts = _sayer(tokenizer), []
    for system in SYSTEMS if has_system else ("",):
        for talk in TALKS:
            turns = _turns(talk)
            said = say([*_turn("system", system), *turns], waits=True)
            if said is not None:
                prompts.append((system, turns, said))
    return Wanted(prompts, tuple(chat.ends.values()), tokenizer.bos_token or "", chat.adds_bos)


def _turns(talk: tuple[str, ...]) -> Turns:
    roles = ("user", "assistant")
    return [{"role": roles[at % 2], "content": text} for at, text in enumerate(talk)]


def _turn(role: str, text: str) -> Turns:
    return [{"role": role, "content": text}] if text else []


def _spaces(tokenizer: Any, form: Form, bos: str) -> tuple[str, ...]:
    """Whether the model's own template cuts spaces at the ends of a turn, which Ollama's cannot."""
    turns = _turns((SPACED,))
    if f"{bos}{form.said(turns)}" == _sayer(tokenizer)(turns, waits=True):
        return ()
    return (CUTS,)


def _written(job: ExportJob, told: Told, exported: Exported) -> Exported:
    out = Path(job.output_dir)
    (out / "Modelfile").write_text(told.file.text(), encoding="utf-8")
    script = out / "create.sh"
    script.write_text(
        '#!/bin/sh\nset -eu\ncd "$(dirname "$0")"\n'
        f'ollama create {job.name} -f Modelfile\nollama run {job.name} "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    if job.options.get("create") == "yes":
        exported = _taken_up(job, exported)
    files = tuple(sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()))
    return exported.model_copy(update={"files": files, "snippets": _snippets(job)})


def _taken_up(job: ExportJob, exported: Exported) -> Exported:
    """Ollama itself has the model and is asked in the proof. Raises PlanError in its words."""
    program = shutil.which("ollama") or "ollama"
    done = subprocess.run(  # noqa: S603 - Ollama itself, found on the PATH
        [program, "create", job.name, "-f", "Modelfile"],
        cwd=job.output_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PlanError(
            f"Ollama does not take the model up: {said[-1] if said else done.returncode}",
            hint="Start its server (ollama serve), or leave create=yes out.",
            where="ollama create",
        )
    host = os.environ.get("OLLAMA_HOST", "localhost:11434").removeprefix("http://").rstrip("/")
    served = Served(backend="openai", model=job.name, settings={"base_url": f"http://{host}/v1"})
    kept = tuple(told for told in exported.unchecked if told != ollama_says())
    return exported.model_copy(update={"served_by": served, "unchecked": kept})


def _snippets(job: ExportJob) -> tuple[Snippet, ...]:
    asked = {
        "model": job.name,
        "messages": json.loads(messages_of(job)),
        "stream": False,
        "options": {"num_predict": job.max_new_tokens, "temperature": 0},
    }
    body = shlex.quote(json.dumps(asked, ensure_ascii=False))
    here = None if shutil.which("ollama") is None else False
    return (
        Snippet(
            title="Take it up and talk to it", text="./create.sh", was_run=here, note=ollama_says()
        ),
        Snippet(
            title="Ask its server",
            text=f"curl http://localhost:11434/api/chat -d {body}",
            was_run=here,
        ),
    )


def ollama_says() -> str:
    """Whether Ollama is on this machine, as a sentence."""
    program = shutil.which("ollama")
    if program is None:
        return NOT_RUN
    done = subprocess.run(  # noqa: S603 - Ollama itself, found on the PATH
        [program, "--version"], capture_output=True, text=True, timeout=20, check=False
    )
    version = (done.stdout or done.stderr).strip().splitlines()
    return f"{NOT_MADE} ({version[0] if version else 'no version told'})"
