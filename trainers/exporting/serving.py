"""Code and commands that serve what was exported; none names a place on this machine."""

from __future__ import annotations

import json
import shlex

from advisor.schema.export import ExportJob, Snippet

QUESTION = "Good morning."
"""Asked by the examples: it is nobody's data."""


def messages_of(job: ExportJob) -> str:
    """The turns of an example, as Python and JSON write them."""
    system = [{"role": "system", "content": job.instruction}] if job.instruction else []
    turns = [*system, {"role": "user", "content": QUESTION}]
    return json.dumps(turns, ensure_ascii=False)


def by_transformers(
    job: ExportJob, folder: str = ".", *, is_adapter: bool = False, asks_base: bool = False
) -> Snippet:
    """One answer of a model's folder, by plain transformers; of an adapter, by peft.

    `asks_base`: where the base lies is told by the variable BASE.
    """
    imports, opens = _opening(is_adapter=is_adapter, asks_base=asks_base)
    text = f"""\
{imports}

folder = {json.dumps(folder)}
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {opens}
messages = {messages_of(job)}
prompt = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
).to(model.device)
answer = model.generate(**prompt, max_new_tokens={job.max_new_tokens}, do_sample=False)
start = prompt["input_ids"].shape[1]
print(tokenizer.decode(answer[0, start:], skip_special_tokens=True))
"""
    libraries = "peft" if is_adapter else "transformers"
    return Snippet(
        title=f"One answer by {libraries}, in the exported folder",
        language="python",
        text=text,
        was_run=False,
        note="It needs BASE: the folder of the base model." if asks_base else "",
    )


def _opening(*, is_adapter: bool, asks_base: bool) -> tuple[str, str]:
    """The imports, and what opens the model in `folder`."""
    whole = "from transformers import AutoModelForCausalLM, AutoTokenizer"
    if asks_base:
        base = 'AutoModelForCausalLM.from_pretrained(os.environ["BASE"])'
        imports = f"import os\n\nfrom peft import PeftModel\n{whole}"
        return imports, f"PeftModel.from_pretrained({base}, folder)"
    if is_adapter:
        imports = (
            "from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer"
        )
        return imports, "AutoPeftModelForCausalLM.from_pretrained(folder)"
    return whole, "AutoModelForCausalLM.from_pretrained(folder)"


def by_llama_cpp(job: ExportJob, file: str) -> Snippet:
    """One answer of a GGUF file, by llama-cpp-python."""
    text = f"""\
from llama_cpp import Llama

model = Llama({json.dumps(file)}, n_ctx=0, verbose=False)
messages = {messages_of(job)}
answer = model.create_chat_completion(
    messages, temperature=0, max_tokens={job.max_new_tokens}
)
print(answer["choices"][0]["message"]["content"])
"""
    return Snippet(title="Ask by llama-cpp-python, in this folder", language="python", text=text)


def by_token_ids(job: ExportJob, file: str) -> Snippet:
    """The same of a file without vocabulary, with the tokenizer that lies beside it."""
    text = f"""\
from itertools import islice

from llama_cpp import Llama
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = Llama({json.dumps(file)}, n_ctx=0, verbose=False, chat_format="chatml")
messages = {messages_of(job)}
asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
answer = []
for token in islice(model.generate(asked["input_ids"], temp=0.0), {job.max_new_tokens}):
    if token == tokenizer.eos_token_id:
        break
    answer.append(token)
print(tokenizer.decode(answer, skip_special_tokens=True))
"""
    title = "Ask by llama-cpp-python with the tokenizer beside the file, in this folder"
    return Snippet(title=title, language="python", text=text)


def by_curl(job: ExportJob, base_url: str) -> Snippet:
    """One answer of a server that speaks OpenAI's interface."""
    body = (
        f'{{"model": {json.dumps(job.name)}, "messages": {messages_of(job)},'
        f' "max_tokens": {job.max_new_tokens}, "temperature": 0}}'
    )
    text = (
        f"curl {base_url}/chat/completions -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}\n"
    )
    return Snippet(title="One answer of the running server", text=text)
