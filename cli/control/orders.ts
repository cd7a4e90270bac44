import { z } from 'zod'
import type { DeskModel, ModelDesk } from '../local-models/index.ts'

const model = z.string().min(1).max(2_000)

/** What a command may ask of a running process. */
export type Order =
  | { readonly order: 'list' }
  | { readonly order: 'pull'; readonly model: string; readonly sha256?: string | undefined }
  | {
      readonly order: 'load' | 'rm' | 'share' | 'unload' | 'unshare'
      readonly model: string
    }

export const ORDER: z.ZodType<Order> = z.discriminatedUnion('order', [
  z.object({ order: z.literal('list') }),
  z.object({
    order: z.literal('pull'),
    model,
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
  z.object({ order: z.enum(['load', 'unload', 'rm', 'share', 'unshare']), model }),
])

/** One line of the answer. The last one is `done` or `failed`. */
export type Reply =
  | { readonly reply: 'model'; readonly engine: string; readonly model: DeskModel }
  | {
      readonly reply: 'progress'
      readonly status: string
      readonly done: number
      /** 0 if unknown. */
      readonly total: number
    }
  | { readonly reply: 'done'; readonly name?: string }
  | { readonly reply: 'failed'; readonly code: string; readonly message: string }

/** Carries out an order. @throws InferenceError */
export async function carryOut(
  order: Order,
  desk: ModelDesk,
  { signal, tell }: { readonly signal: AbortSignal; readonly tell: (reply: Reply) => void },
): Promise<void> {
  switch (order.order) {
    case 'list': {
      const { engine } = desk.view()
      for (const one of await desk.list()) tell({ reply: 'model', engine, model: one })
      return tell({ reply: 'done' })
    }
    case 'pull': {
      const name = await desk.pull(order.model, {
        signal,
        ...(order.sha256 !== undefined && { sha256: order.sha256 }),
        onProgress: ({ status, receivedBytes, totalBytes }) =>
          tell({ reply: 'progress', status, done: receivedBytes, total: totalBytes }),
      })
      return tell({ reply: 'done', name })
    }
    case 'load':
      await desk.load(order.model, {
        signal,
        onProgress: (done) => tell({ reply: 'progress', status: 'loading', done, total: 1 }),
      })
      break
    case 'unload':
      await desk.unload(order.model)
      break
    case 'rm':
      await desk.remove(order.model)
      break
    case 'share':
      await desk.share(order.model)
      break
    case 'unshare':
      await desk.unshare(order.model)
      break
    default:
      order satisfies never
  }
  tell({ reply: 'done', name: order.model })
}
