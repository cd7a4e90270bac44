import { Command, InvalidArgumentError } from 'commander'
import { plainLine } from '../../protocol/index.ts'
import { chooseDoor, order } from '../control/index.ts'
import { fetchModel, namedModel } from '../local-models/index.ts'
import { withLocalOptions } from '../local-options.ts'
import { createProgress } from '../progress.ts'
import type { Runtime, Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'

interface PullOptions extends SharedOptions {
  readonly sha256?: string
}

export function pullCommand(runtime: Runtime): Command {
  return withLocalOptions(
    new Command('pull')
      .description(
        'Downloads a model to this machine. A download that was interrupted continues where it stopped.',
      )
      .argument(
        '<model>',
        'hf:org/repo/file.gguf[@revision], an https URL, or a name that the engine of a running process knows',
      )
      .option('--sha256 <hex>', 'refuse a file with another sha256', sha256Option),
  ).action(runtime.action(pull))
}

async function pull(
  session: Session,
  options: PullOptions,
  [source = '']: readonly string[],
): Promise<undefined> {
  if (!/^(hf:|https?:\/\/)/i.test(source)) return await pullAtEngine(session, options, source)
  const { terminal, env, commandName } = session
  const { path, bytes, sha256, downloaded } = await fetchModel(session, source, {
    ...pick(options),
    onProgress: (receivedBytes, totalBytes) => {
      terminal.emit({ event: 'progress', receivedBytes, totalBytes } as { event: 'progress' })
    },
  })
  const { name, id } = await namedModel(env, path)
  terminal.emit({ event: 'pulled', name, id, path, bytes, sha256, downloaded } as {
    event: 'pulled'
  })
  terminal.print(`${downloaded ? 'Downloaded' : 'Already here:'} ${plainLine(name)}\n`)
  terminal.print(`  file    ${plainLine(path)}\n`)
  if (sha256 !== undefined) terminal.print(`  sha256  ${sha256}\n`)
  terminal.print(`Serve it with: ${commandName} up --model ${plainLine(name)}\n`)
  return undefined
}

/** A name that only an engine knows, such as Ollama's. */
async function pullAtEngine(
  session: Session,
  options: PullOptions,
  model: string,
): Promise<undefined> {
  const { terminal } = session
  const door = await chooseDoor(session, options, 'models')
  const progress = createProgress(terminal, { label: 'Downloading', unit: 'bytes' })
  const wanted = { order: 'pull', model, ...pick(options) } as const
  try {
    const name = await order(session, door, wanted, ({ done, total }) => {
      progress.update(done, total)
      terminal.emit({ event: 'progress', receivedBytes: done, totalBytes: total } as {
        event: 'progress'
      })
    })
    terminal.emit({ event: 'pulled', name, pid: door.pid } as { event: 'pulled' })
    terminal.print(`Downloaded ${name} at process ${door.pid}\n`)
  } finally {
    progress.end()
  }
  return undefined
}

function pick({ sha256 }: PullOptions): Pick<PullOptions, 'sha256'> {
  return sha256 === undefined ? {} : { sha256 }
}

function sha256Option(text: string): string {
  const hex = text.replace(/^sha256:/, '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(hex)) return hex
  throw new InvalidArgumentError('A sha256 has 64 hexadecimal digits.')
}
