import type { Backend, BackendEvent } from '../../backend/index.ts'
import type { InferenceRequest } from '../../protocol/index.ts'
import { turnOf } from '../../testing/agents/coding-session.ts'

/** How a serving node is lost: its process by SIGKILL, or its connections. */
export type Loss = 'kill' | 'connection'

/** A place in an answer where its node is lost. */
export interface Break {
  /** A chunk, or behind the last one. */
  readonly at: number | 'end'
  readonly how: Loss
  /** Turns with tool calls before this answer, of a conversation with tools. @default any request */
  readonly turn?: number
}

export interface BreakingInit {
  readonly backend: Backend
  /** Whether this node is the one to break here. */
  readonly mayBreak: (index: number) => Promise<boolean>
  readonly strike: (how: Loss) => void
  /** Called at the end of each answer, with the number of its chunks. */
  readonly onEnd: (chunks: number) => void
}

/** Breaks off answers of the engine behind it, where it is told to. */
export interface BreakingBackend extends Backend {
  arm(breaks: readonly Break[]): void
}

/** Until the last frame has left. */
const PARTING_MS = 200

export function createBreakingBackend(init: BreakingInit): BreakingBackend {
  const { backend, mayBreak, strike, onEnd } = init
  let breaks: readonly Break[] = []
  const isDue = async (turn: number | undefined, at: Break['at']): Promise<Break | undefined> => {
    const index = breaks.findIndex((one) => one.at === at && (one.turn ?? turn) === turn)
    const due = breaks[index]
    return due !== undefined && (await mayBreak(index)) ? due : undefined
  }
  return {
    description: backend.description,
    models: (options) => backend.models(options),
    load: (options) => backend.load(options),
    arm: (next) => {
      breaks = next
    },
    async *infer(request, options): AsyncGenerator<BackendEvent> {
      const turn = toolTurnOf(request)
      let chunks = 0
      for await (const event of backend.infer(request, options)) {
        if (event.type === 'done') onEnd(chunks)
        else {
          const due = await isDue(turn, chunks)
          if (due !== undefined) strike(due.how)
          chunks += 1
        }
        yield event
      }
      const due = await isDue(turn, 'end')
      if (due !== undefined) setTimeout(() => strike(due.how), PARTING_MS)
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}

/** Undefined without tools. */
function toolTurnOf({ kind, body }: InferenceRequest): number | undefined {
  return kind === 'chat' && (body.tools ?? []).length > 0 ? turnOf(body) : undefined
}
