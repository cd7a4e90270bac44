import { InferenceError } from '../protocol/index.ts'

/** Explanations of the system's codes for the operator who chose the address. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'ports below 1024 need privileges',
  EMFILE: 'this process has no file descriptors left',
}

/** Why a port cannot be listened on. @returns undefined for codes without an explanation */
export function listenReason(code: string = ''): string | undefined {
  return REASONS[code]
}

/** libp2p reports all addresses in one message of several lines, stacks included. */
const SYSTEM_CODE = /listen (E[A-Z]+)/

/** Why a host cannot listen, in one line. */
export function listenFailure(listen: readonly string[], cause: unknown): InferenceError {
  const text = cause instanceof Error ? cause.message : String(cause)
  const code = SYSTEM_CODE.exec(text)?.[1] ?? ''
  const failed = listen.filter((address) => text.includes(address))
  const where = (failed.length > 0 ? failed : listen).join(', ')
  const why = REASONS[code] ?? (code === '' ? (text.split('\n')[0] ?? '') : code)
  return new InferenceError(
    'invalid_request',
    `cannot listen on ${where}: ${why}. Name another address or port`,
    { cause },
  )
}
