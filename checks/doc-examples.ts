/**
 * Compiles every `@example` block of the sources, each as a module beside the file that it stands in, and the `ts` blocks
 * of each page of the docs, together as one module. An example need not import what its own file exports; everything
 * else it imports or declares itself.
 */
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import ts from 'typescript'
import type { Findings } from './check.ts'
import { checkCitedTests } from './cited-tests.ts'

const SOURCES =
  '{index.ts,{protocol,timing,host,ledger,backend,node,client,gateway,bootstrap,cli}/**/*.ts}'
const PAGES = '{*.md,docs/**/*.md,examples/*.md}'

interface DocExample {
  readonly file: string
  /** Line of the file, from 0, that the first line of `code` stands on. */
  readonly line: number
  readonly code: string
}

export async function checkDocExamples(): Promise<Findings> {
  const examples: DocExample[] = []
  for await (const file of glob([SOURCES, PAGES])) {
    const read = file.endsWith('.md') ? readPage : readExamples
    examples.push(...read(file, readFileSync(file, 'utf8')))
  }
  const cited = checkCitedTests()
  return {
    faults: [...compile(examples), ...cited.faults],
    summary: `${examples.length} examples of code in comments and pages compile; ${cited.summary}`,
  }
}

/** @returns the text after each `@example`, up to the next tag or the end of the comment */
export function readExamples(file: string, text: string): DocExample[] {
  const examples: DocExample[] = []
  let example: { line: number; code: string[] } | undefined
  for (const [line, whole] of text.split('\n').entries()) {
    const [, content] = /^\s*\* ?(?!\/)(.*)$/.exec(whole) ?? []
    const isTag = content === undefined || /^@\w+/.test(content)
    if (!isTag) {
      example?.code.push(content)
      continue
    }
    if (example !== undefined)
      examples.push({ file, line: example.line, code: example.code.join('\n') })
    example = content?.trim() === '@example' ? { line: line + 1, code: [] } : undefined
  }
  return examples
}

/** @returns the page's `ts` blocks as one example, each on its own lines of the page */
export function readPage(file: string, text: string): DocExample[] {
  let fence: string | undefined
  const code = text.split('\n').map((line) => {
    const [, mark] = /^```(\w*)$/.exec(line) ?? []
    if (mark === undefined) return fence === 'ts' ? line : ''
    fence = fence === undefined ? mark : undefined
    return ''
  })
  return code.some((line) => line !== '') ? [{ file, line: 0, code: code.join('\n') }] : []
}

export function compile(examples: readonly DocExample[]): string[] {
  const options = readOptions()
  const exportsOf = moduleExports(examples, options)
  const modules = new Map<string, { readonly example: DocExample; readonly text: string }>()
  for (const [index, example] of examples.entries()) {
    const path = resolve(dirname(example.file), `example-${index}.ts`)
    modules.set(path, { example, text: moduleText(example, exportsOf(example.file)) })
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile } = host
  host.fileExists = (path) => modules.has(path) || fileExists(path)
  host.readFile = (path) => modules.get(path)?.text ?? readFile(path)
  const program = ts.createProgram([...modules.keys()], options, host)
  return [...modules].flatMap(([path, { example }]) => {
    const source = program.getSourceFile(path)
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ]
    return found.map(({ start = 0, messageText }) => {
      const line = source?.getLineAndCharacterOfPosition(start).line ?? 0
      const message = ts.flattenDiagnosticMessageText(messageText, ' ')
      // The module has one line of imports before the example.
      return `${example.file}:${example.line + line}: ${message}`
    })
  })
}

/** Strict, as a reader's project may be, without the repository's own further rules. */
function readOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  return {
    ...options,
    declaration: false,
    isolatedDeclarations: false,
    exactOptionalPropertyTypes: false,
    noPropertyAccessFromIndexSignature: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
  }
}

function moduleExports(
  examples: readonly DocExample[],
  options: ts.CompilerOptions,
): (file: string) => readonly string[] {
  const program = ts.createProgram([...new Set(examples.map(({ file }) => resolve(file)))], options)
  const checker = program.getTypeChecker()
  return (file) => {
    const source = program.getSourceFile(resolve(file))
    const module = source && checker.getSymbolAtLocation(source)
    return module === undefined ? [] : checker.getExportsOfModule(module).map(({ name }) => name)
  }
}

/** The example, after one line that imports what it uses of its own file. */
function moduleText({ file, code }: DocExample, exported: readonly string[]): string {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true)
  const used = new Set<string>()
  const declared = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text)
    if (isBinding(node) && node.name !== undefined && ts.isIdentifier(node.name)) {
      declared.add(node.name.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  const own = exported.filter((name) => used.has(name) && !declared.has(name))
  const from = `./${file.slice(file.lastIndexOf('/') + 1)}`
  const imports = own.length > 0 ? `import { ${own.join(', ')} } from '${from}'` : ''
  return `${imports}\n${code}\nexport {}\n`
}

function isBinding(node: ts.Node): node is ts.NamedDeclaration {
  return (
    ts.isVariableDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isImportClause(node) ||
    ts.isImportSpecifier(node)
  )
}
