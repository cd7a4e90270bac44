import asyncio

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from shared_tools import BASE_URL, FUNCTIONS, MODEL, TASK

client = AsyncOpenAI(base_url=BASE_URL, api_key="none", max_retries=0)
model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))
agent = Agent(model, tools=list(FUNCTIONS.values()))


async def main() -> None:
    async with agent.iter(TASK) as run:
        async for node in run:
            if Agent.is_model_request_node(node):
                async with node.stream(run.ctx) as stream:
                    async for _ in stream:
                        pass
    print(run.result.output)


asyncio.run(main())
