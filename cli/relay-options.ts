import type { Command } from 'commander'
import type { HostInit, RelayingState } from '../host/index.ts'
import { wholeNumber } from './option-parsers.ts'

/** Options of the commands that run a relay. */
export interface RelayOptions {
  /** False with `--no-relay`. */
  readonly relay?: boolean
  readonly relayBytesPerSecond?: number
}

export function withRelayOptions(command: Command): Command {
  return command
    .option('--no-relay', 'do not relay connections to peers behind NAT')
    .option(
      '--relay-bytes-per-second <n>',
      'limit for all relayed traffic, both directions together',
      wholeNumber(1),
    )
}

export function relaySettings(
  options: RelayOptions,
): Pick<HostInit, 'relay' | 'relayBytesPerSecond'> {
  const { relay, relayBytesPerSecond } = options
  return {
    ...(relay === false && { relay: 'never' as const }),
    ...(relayBytesPerSecond !== undefined && { relayBytesPerSecond }),
  }
}

/** Lines of `skein status`. */
export function relayingLines({ use, held }: RelayingState): string[] {
  const lines = held.map(({ relay }) => `  reached    through relay ${relay}`)
  if (use === undefined) return lines
  const { reservations, maxReservations, circuits, bytes, bytesPerSecondLimit, refused } = use
  return [
    ...lines,
    `  relays     for ${reservations} of ${maxReservations} peers, ${circuits} connections open, ${mib(bytes)} MiB passed on (at most ${mib(bytesPerSecondLimit)} MiB a second), ${refused} refused`,
  ]
}

function mib(bytes: number): string {
  const amount = bytes / 1_048_576
  return amount >= 10 ? amount.toFixed(0) : amount.toFixed(1)
}
