"""Code and commands that serve what was exported; none names a place on this machine."""

from __future__ import annotations

import json

from advisor.schema.export import ExportJob, Snippet

QUESTION = "Good morning."
"""Asked by the examples: it is nobody's data."""


def messages_of(job: ExportJob) -> str:
    """The turns of an example, as Python and JSON write them."""
    system = [{"role": "system", "content": job.instruction}] if job.instruction else []
    turns = [*system, {"role": "user", "content": QUESTION}]
    return json.dumps(turns, ensure_ascii=False)


def by_transformers(job: ExportJob, *, was_run: bool | None = False) -> Snippet:
    """One answer of a whole model's folder, by plain transformers."""
    text = f"""\
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # the exported folder
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
messages = {messages_of(job)}
prompt = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
).to(model.device)
answer = model.generate(**prompt, max_new_tokens={job.max_new_tokens}, do_sample=False)
start = prompt["input_ids"].shape[1]
print(tokenizer.decode(answer[0, start:], skip_special_tokens=True))
"""
    return Snippet(
        title="One answer by transformers, in this folder",
        language="python",
        text=text,
        was_run=was_run,
    )
