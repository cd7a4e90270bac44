/**
 * Files on this machine: directories, writes that are whole or not at all, and what it means when a disk refuses.
 *
 * @example
 * await makeDirectory(dataDir)
 * await writeAtomic(join(dataDir, 'ports.json'), JSON.stringify(ports))
 *
 * @packageDocumentation
 */
export { type DiskFault, diskFaultOf } from './disk-fault.ts'
export { makeDirectory } from './make-directory.ts'
export { writeAtomic } from './write-atomic.ts'
