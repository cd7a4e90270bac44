import { codeOf } from './disk-fault.ts'

/** Whether a process with this id runs, for owners of files that processes leave behind. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}
