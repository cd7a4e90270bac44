import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: { readonly html: string }[]
  }[]
}

/** Violations of the accessibility rules of WCAG 2.2 A and AA, by id with the elements at fault. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return await page.evaluate(async () => {
    const runner = (globalThis as unknown as { axe: { run(): Promise<AxeResult> } }).axe
    const { violations } = await runner.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
  })
}
