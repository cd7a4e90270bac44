import json

import litellm
from shared_tools import BASE_URL, FUNCTIONS, MODEL, TASK


def described(name: str, *fields: str) -> dict:
    properties = {field: {"type": "string"} for field in fields}
    parameters = {"type": "object", "properties": properties, "required": list(fields)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [
    described("read_file", "path"),
    described("edit_file", "path", "old", "new"),
    described("run_command", "command"),
]
messages = [{"role": "user", "content": TASK}]
while True:
    chunks = list(
        litellm.completion(
            model="openai/" + MODEL,
            api_base=BASE_URL,
            api_key="none",
            messages=messages,
            tools=TOOLS,
            stream=True,
            num_retries=0,
        )
    )
    answer = litellm.stream_chunk_builder(chunks, messages=messages).choices[0].message
    messages.append(answer.model_dump())
    if not answer.tool_calls:
        break
    for call in answer.tool_calls:
        result = FUNCTIONS[call.function.name](**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
print(answer.content)
