import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createProject } from '../../testing/agents/coding-session.ts'
import type { TriedAgent } from './agents.ts'
import { runCommand } from './run-command.ts'

/** Seconds in which an agent may wait for answers. */
const SESSION_IDLE_S = 180
const SHOWN_OUTPUT = 1_500

export interface SessionOutcome {
  readonly isMended: boolean
  /** The end of what the agent wrote. */
  readonly output: string
}

/** One coding session of an agent, with a home and a project of its own. */
export async function runSession(init: {
  readonly agent: TriedAgent
  /** Folder of its commands. */
  readonly path: string
  /** For temporary folders. */
  readonly dir: string
  /** Of the gateway. */
  readonly url: string
}): Promise<SessionOutcome> {
  const scene = await mkdtemp(join(init.dir, 'session-'))
  const home = join(scene, 'home')
  await mkdir(home)
  const project = await createProject(join(scene, 'project'))
  const { folder, task } = project
  const target = { url: init.url, model: 'coder', key: 'none' }
  const { command, args, env, files = {} } = init.agent.session({ target, task, folder })
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text)
  const { code, output } = await runCommand(command, args, {
    cwd: folder,
    idleS: SESSION_IDLE_S,
    env: {
      PATH: [init.path, dirname(process.execPath), process.env['PATH']].join(':'),
      HOME: home,
      LLM_USER_PATH: home,
      TERM: 'dumb',
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    },
  })
  const isMended = code === 0 && (await project.isMended())
  return { isMended, output: `exit code ${code}: ${output.slice(-SHOWN_OUTPUT)}` }
}
