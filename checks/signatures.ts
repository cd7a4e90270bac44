/** Registries sign what they publish; a hash in the lock file only says that a package is the one that was locked. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Findings } from './check.ts'

/** What `npm audit signatures --json` prints. */
interface SignatureReport {
  readonly invalid?: readonly SignedPackage[]
  readonly missing?: readonly SignedPackage[]
  readonly error?: { readonly summary?: string }
}

interface SignedPackage {
  readonly name: string
  readonly version: string
}

const HOW_TO_MEND = 'delete node_modules, run `npm ci`, and report it to the registry if it remains'

/** @param output of `npm audit signatures --json` */
export function signatureFindings(output: string): Findings {
  const { invalid = [], missing = [], error } = JSON.parse(output) as SignatureReport
  if (error !== undefined) {
    // Mirrors have no keys, and the keys' own log may be out of reach: no statement about any package.
    return { faults: [], summary: `skipped: ${error.summary ?? 'npm gave no reason'}` }
  }
  const faultOf =
    (fault: string) =>
    ({ name, version }: SignedPackage): string =>
      `${name}@${version}: ${fault}; ${HOW_TO_MEND}`
  return {
    faults: [
      ...invalid.map(faultOf('the signature is invalid')),
      ...missing.map(faultOf('no signature, from a registry that signs')),
    ],
    summary: 'every installed package that the registry signs is signed by it',
  }
}

/** @throws SyntaxError if npm prints no report */
export async function checkSignatures(): Promise<Findings> {
  const own = await audited('.')
  if (!existsSync('checks/tools/node_modules')) return own
  const tools = await audited('checks/tools')
  return {
    faults: [...own.faults, ...tools.faults],
    summary: `${own.summary}; of the checks' tools: ${tools.summary}`,
  }
}

async function audited(directory: string): Promise<Findings> {
  const args = ['audit', 'signatures', '--json', '--fetch-retries=0']
  const output = await new Promise<string>((resolve) => {
    // Its exit code says no more than its report.
    execFile('npm', args, { cwd: directory }, (_error, stdout) => resolve(stdout))
  })
  return signatureFindings(output)
}
