import { Command } from 'commander'
import type { PeerListing } from '../../client/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { openClient } from '../open-client.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'
import { explainPeer } from './reputation.ts'

interface PeersOptions extends SharedOptions {
  readonly why?: string
}

export function peersCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('peers').description('Lists the known nodes with their models, load and latency.'),
  )
    .option('--why <peer>', 'explain what audits found about a peer, by its id or the end of it')
    .action(runtime.action(listPeers))
}

async function listPeers(session: Session, options: PeersOptions): Promise<undefined> {
  const { terminal, signal } = session
  if (options.why !== undefined) {
    await explainPeer(session, options, options.why)
    return undefined
  }
  await using client = await openClient(session, options)
  const peers = await client.peers({ signal })
  for (const peer of peers) terminal.emit({ event: 'peer', ...peer })
  terminal.print(renderPeers(peers))
  return undefined
}

export function renderPeers(peers: readonly PeerListing[]): string {
  const isSeveral = peers.some(({ swarm }) => swarm !== undefined)
  return renderTable(
    [
      ...(isSeveral ? ['SWARM'] : []),
      'PEER',
      'STATE',
      'BUSY',
      'QUEUE',
      'RTT',
      'REACH',
      'TOKENS/S',
      'MODELS',
    ],
    peers.map((peer) => [
      ...(isSeveral ? [plainLine(peer.swarm ?? '')] : []),
      peer.peerId,
      peer.state ?? (peer.expired ? 'gone?' : 'unreachable'),
      peer.load === undefined ? '' : `${peer.load.inFlight}/${peer.load.slots}`,
      peer.load === undefined ? '' : String(peer.load.queueDepth),
      peer.rttMs === undefined ? '' : `${peer.rttMs.toFixed(1)} ms`,
      peer.reachability,
      peer.decodeRate > 0 ? peer.decodeRate.toFixed(0) : '?',
      plainLine(peer.models.join(', ')),
    ]),
  )
}
