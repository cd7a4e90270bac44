import asyncio

from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from shared_tools import BASE_URL, FUNCTIONS, MODEL, TASK

set_tracing_disabled(True)
client = AsyncOpenAI(base_url=BASE_URL, api_key="none", max_retries=0)
model = OpenAIResponsesModel(model=MODEL, openai_client=client)
agent = Agent(name="coder", model=model, tools=[function_tool(f) for f in FUNCTIONS.values()])


async def main() -> None:
    run = Runner.run_streamed(agent, TASK)
    async for _ in run.stream_events():
        pass
    print(run.final_output)


asyncio.run(main())
