import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Builds the console's page into one script and one style sheet: `node console/build/main.ts [DIRECTORY]`. npm runs it
 * after `npm ci` in a clone, and before packing.
 */
const page = fileURLToPath(new URL('../page/', import.meta.url))
const output = process.argv[2] ?? fileURLToPath(new URL('../built/', import.meta.url))

const bundler = await import('rolldown').catch(() => undefined)
if (bundler === undefined) {
  // An install without development dependencies has no use for a new page.
  console.error('the console was not built: its bundler is not installed')
} else {
  await mkdir(output, { recursive: true })
  await bundler.build({
    input: join(page, 'main.tsx'),
    platform: 'browser',
    transform: { target: 'es2022' },
    output: { file: join(output, 'app.js'), format: 'esm', minify: true, comments: false },
    logLevel: 'warn',
  })
  await writeFile(join(output, 'style.css'), await styles(join(page, 'styles')))
  for (const name of ['index.html', 'icon.svg']) {
    await copyFile(join(page, name), join(output, name))
  }
}

/** All style sheets in the order of their names. */
async function styles(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.css')).sort()
  const sheets = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return sheets.join('\n')
}
