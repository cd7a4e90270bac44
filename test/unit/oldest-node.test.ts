import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url)
const SHIPPED =
  '{backend,bootstrap,cli,client,console,gateway,host,ledger,node,peer,protocol,storage,timing}/**/*.ts'
/** Runs in a browser, or at the build. */
const ELSEWHERE = /^console\/(page|build|built)\//
/** What TypeScript knows and Node 22.18, the oldest that package.json names, lacks. */
const MISSING =
  /\bnew (Async)?DisposableStack\b|\bPromise\.try\(|\bError\.isError\(|\bRegExp\.escape\(|\bMath\.sumPrecise\(|\bIterator\.concat\(|\bUint8Array\.from(Base64|Hex)\(|\.to(Base64|Hex)\(\)|\bnew (Float16Array|URLPattern)\b/

it('what the package ships uses nothing that its oldest Node lacks', () => {
  const files = globSync(SHIPPED, { cwd: ROOT }).filter((path) => !ELSEWHERE.test(path))
  expect(files.length).toBeGreaterThan(500)
  const faults = files.flatMap((path) => {
    const found = MISSING.exec(readFileSync(new URL(path, ROOT), 'utf8'))
    return found === null ? [] : [`${path}: ${found[0]}`]
  })
  expect(faults).toEqual([])
})
