import { requestStream } from '../stream-request.ts'

const TOKENS = 24
/** The end of a stream that was not broken. */
const WHOLE = 'data: [DONE]'

/** Callers that ask one after the other, until they are stopped. */
export interface SteadyLoad {
  /** Answers that came whole so far. */
  readonly answered: number
  /** What went wrong, one entry for each request that was lost. */
  readonly lost: readonly string[]
  /** Lets running answers end. */
  stop(): Promise<void>
}

/** @param url of a gateway. Its callers do not retry: what it does not answer is lost */
export function startLoad(url: string, callers: number): SteadyLoad {
  const lost: string[] = []
  let answered = 0
  let isOver = false
  const call = async (): Promise<void> => {
    while (!isOver) {
      try {
        const response = await requestStream({ url }, TOKENS)
        const text = await response.text()
        if (response.ok && text.includes(WHOLE)) answered += 1
        else lost.push(`${response.status} ${text.slice(-300)}`)
      } catch (error) {
        lost.push(String(error))
      }
    }
  }
  const calls = Array.from({ length: callers }, call)
  return {
    get answered() {
      return answered
    },
    lost,
    async stop() {
      isOver = true
      await Promise.all(calls)
    },
  }
}

/** Resolves when so many more answers have come. */
export async function answers(load: SteadyLoad, more: number): Promise<void> {
  const until = load.answered + more
  while (load.answered < until && load.lost.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
