from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from shared_tools import BASE_URL, FUNCTIONS, MODEL, TASK

model = ChatOpenAI(base_url=BASE_URL, api_key="none", model=MODEL, max_retries=0)
bound = model.bind_tools([tool(f) for f in FUNCTIONS.values()])
messages = [HumanMessage(TASK)]
while True:
    answer = None
    for chunk in bound.stream(messages):
        answer = chunk if answer is None else answer + chunk
    messages.append(answer)
    if not answer.tool_calls:
        break
    for call in answer.tool_calls:
        result = FUNCTIONS[call["name"]](**call["args"])
        messages.append(ToolMessage(result, tool_call_id=call["id"]))
print(answer.text)
