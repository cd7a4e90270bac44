import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { DIRECT_PATH } from '../../../../host/direct-path/limits.ts'

const CHILD = fileURLToPath(
  new URL('../../../../testing/reach/few-descriptors-child.ts', import.meta.url),
)

/** What becomes of a direct path in a process that can open so many more files. */
async function begin(left: number): Promise<string> {
  const script = 'ulimit -c 0; ulimit -n 96; exec "$@"'
  const line = ['-c', script, 'sh', process.execPath, CHILD, String(left)]
  const { stdout } = await promisify(execFile)('sh', line)
  return stdout.trim()
}

describe.skipIf(process.platform === 'win32')('a direct path near the limit of open files', () => {
  // With three the library opens what it needs first, and then ends the process as it gets no socket.
  it('fails, and the process goes on', async () => {
    expect(await begin(3)).toMatch(/^dial_failed: no direct path: no free UDP socket \(EMFILE\)/)
  })

  it('begins with a few to spare', async () => {
    expect(await begin(DIRECT_PATH.spareSockets + 8)).toBe('described')
  })
})
