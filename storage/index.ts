/**
 * Files on this machine: directories, atomic writes, explanations of disk errors, and whether a file's writer still runs.
 *
 * @example
 * await makeDirectory(dataDir)
 * await writeAtomic(join(dataDir, 'ports.json'), JSON.stringify(ports))
 *
 * @packageDocumentation
 */
export {
  codeOf,
  type DiskFault,
  diskFaultOf,
  type FaultCode,
  isOutOfSpace,
} from './disk-fault.ts'
export { onFileChange } from './file-change.ts'
export { isAlive } from './is-alive.ts'
export { makeDirectory } from './make-directory.ts'
export { isNewerFormat, isNewerText, NEWER_FORMAT } from './newer-format.ts'
export { readStored, reportDamage, setAside, writeStored } from './stored-file.ts'
export { writeAtomic } from './write-atomic.ts'
