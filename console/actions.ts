import { z } from 'zod'
import type { Client } from '../client/index.ts'

/** What a page may ask to be changed. */
export interface ActionContext {
  readonly client: Pick<Client, 'forget'>
  /** Lines of `skein doctor`. */
  readonly diagnose: () => Promise<readonly string[]>
}

const ACTION = z.discriminatedUnion('action', [
  z.object({ action: z.literal('forget'), peer: z.string().max(100) }),
  z.object({ action: z.literal('doctor') }),
])

/** @returns the answer for the page, or what is wrong with the request */
export async function act(
  body: unknown,
  { client, diagnose }: ActionContext,
): Promise<{ readonly status: number; readonly answer: object }> {
  const parsed = ACTION.safeParse(body)
  if (!parsed.success) return { status: 400, answer: { error: z.prettifyError(parsed.error) } }
  const wanted = parsed.data
  switch (wanted.action) {
    case 'forget':
      return { status: 200, answer: { forgotten: client.forget(wanted.peer) } }
    case 'doctor':
      return { status: 200, answer: { lines: await diagnose() } }
    default:
      return wanted satisfies never
  }
}
