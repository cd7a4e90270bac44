import { plainLine } from '../../protocol/index.ts'
import type { Session } from '../runtime.ts'
import { UsageError } from '../usage-error.ts'
import { askDoor } from './ask-door.ts'
import { type Door, findDoors } from './door-file.ts'
import type { Order, Reply } from './orders.ts'

const NAMES = { console: 'a console', models: 'models of its own' } as const
const STARTS = { console: 'up or gateway', models: 'up or node' } as const

/**
 * The running process to control: the one that uses `--data-dir`, or the only one.
 *
 * @throws UsageError without one, or with several
 */
export async function chooseDoor(
  { env, commandName }: Session,
  { dataDir }: { readonly dataDir?: string },
  offer: Door['offers'][number],
): Promise<Door> {
  const found = await findDoors(env, dataDir)
  const doors = found.filter(({ offers }) => offers.includes(offer))
  const [door, ...others] = doors
  if (door === undefined) {
    const where = dataDir === undefined ? 'on this machine' : `with --data-dir ${dataDir}`
    throw new UsageError(
      `no process of this user with ${NAMES[offer]} runs ${where}: start ${commandName} ${STARTS[offer]}`,
    )
  }
  if (others.length === 0) return door
  const directories = doors.map((one) => `\n  --data-dir ${one.dataDir}`).join('')
  throw new UsageError(`several processes run here; name one:${directories}`)
}

/** Gives an order, and shows its progress. @returns what the last reply names. */
export async function order(
  { signal }: Session,
  door: Door,
  wanted: Order,
  onProgress: (progress: Extract<Reply, { reply: 'progress' }>) => void,
): Promise<string> {
  let name = ''
  for await (const reply of askDoor(door, wanted, { signal })) {
    if (reply.reply === 'progress') onProgress(reply)
    if (reply.reply === 'done') name = plainLine(reply.name ?? '')
  }
  return name
}
