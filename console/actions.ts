import { z } from 'zod'
import type { Client, PeerMark } from '../client/index.ts'
import { ERROR_TABLE, InferenceError } from '../protocol/index.ts'
import { actOnKey, type KeyActions, keyName, keyRights } from './key-actions.ts'

/** What can be done with the models of this machine. Methods throw InferenceErrors. */
export interface ModelActions {
  startPull(source: string, options: { readonly sha256?: string }): void
  stopPull(source: string): void
  load(name: string): Promise<void>
  unload(name: string): Promise<void>
  share(name: string): Promise<void>
  unshare(name: string): Promise<void>
  remove(name: string): Promise<void>
}

/** What a page may ask to be changed. */
export interface ActionContext {
  readonly client: Pick<Client, 'forget' | 'mark'>
  /** Stores a peer's mark for other processes, after the client has taken it. @default for none */
  readonly markElsewhere?: (peer: string, mark: PeerMark | undefined) => Promise<void>
  /** Lines of `skein doctor`. */
  readonly diagnose: () => Promise<readonly string[]>
  /** Absent if this process has no models of its own. */
  readonly models?: ModelActions | undefined
  /** Absent without a gateway. */
  readonly keyActions?: KeyActions | undefined
}

const peer = z.string().min(1).max(100)
const model = z.string().min(1).max(2_000)

const ACTION = z.discriminatedUnion('action', [
  z.object({ action: z.literal('forget'), peer }),
  z.object({ action: z.literal('mark'), peer, mark: z.enum(['denied', 'trusted']).nullable() }),
  z.object({ action: z.literal('doctor') }),
  z.object({ action: z.literal('create-key'), name: keyName, rights: keyRights.optional() }),
  z.object({ action: z.literal('change-key'), name: z.string(), rights: keyRights }),
  z.object({ action: z.literal('remove-key'), name: z.string() }),
  z.object({
    action: z.literal('pull'),
    model,
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'a sha256 has 64 hexadecimal digits')
      .optional(),
  }),
  z.object({
    action: z.enum(['stop-pull', 'load', 'unload', 'share', 'unshare', 'remove']),
    model,
  }),
])

type ModelAction = Extract<z.infer<typeof ACTION>, { model: string }>

/** @returns the answer for the page, or what is wrong with the request */
export async function act(
  body: unknown,
  { client, markElsewhere, diagnose, models, keyActions }: ActionContext,
): Promise<{ readonly status: number; readonly answer: object }> {
  const parsed = ACTION.safeParse(body)
  if (!parsed.success) {
    const error = z.prettifyError(parsed.error)
    return { status: 400, answer: { error, code: 'invalid_request' } }
  }
  const wanted = parsed.data
  try {
    switch (wanted.action) {
      case 'forget':
        return { status: 200, answer: { forgotten: client.forget(wanted.peer) } }
      case 'mark':
        await client.mark(wanted.peer, wanted.mark ?? undefined)
        await markElsewhere?.(wanted.peer, wanted.mark ?? undefined)
        return { status: 200, answer: { peer: wanted.peer, mark: wanted.mark } }
      case 'doctor':
        return { status: 200, answer: { lines: await diagnose() } }
      case 'create-key':
      case 'change-key':
      case 'remove-key':
        if (keyActions === undefined) {
          throw new InferenceError('invalid_request', 'this process has no gateway, and no keys')
        }
        return { status: 200, answer: await actOnKey(wanted, keyActions) }
      default:
        if (models === undefined) {
          throw new InferenceError('invalid_request', 'this process has no models of its own')
        }
        await actOnModel(wanted, models)
        return { status: 200, answer: {} }
    }
  } catch (error) {
    const { code, message } = InferenceError.from(error)
    return { status: ERROR_TABLE[code].status, answer: { error: message, code } }
  }
}

async function actOnModel(wanted: ModelAction, models: ModelActions): Promise<void> {
  switch (wanted.action) {
    case 'pull': {
      const { sha256 } = wanted
      const given = sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }
      return models.startPull(wanted.model, given)
    }
    case 'stop-pull':
      return models.stopPull(wanted.model)
    case 'load':
      return await models.load(wanted.model)
    case 'unload':
      return await models.unload(wanted.model)
    case 'share':
      return await models.share(wanted.model)
    case 'unshare':
      return await models.unshare(wanted.model)
    case 'remove':
      return await models.remove(wanted.model)
    default:
      wanted satisfies never
  }
}
