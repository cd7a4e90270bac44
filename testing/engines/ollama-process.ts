import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EngineProcess, startEngineProcess } from './engine-process.ts'

/** Starts an Ollama of its own, with one model. */
export async function startOllama(
  program: string,
  model: { readonly name: string; readonly modelfile: string },
): Promise<EngineProcess> {
  const server = await startEngineProcess({
    program,
    args: () => ['serve'],
    env: (port, folder) => ({
      OLLAMA_HOST: `127.0.0.1:${port}`,
      OLLAMA_MODELS: join(folder, 'models'),
      HOME: folder,
    }),
    readyPath: '/api/version',
  })
  await writeFile(join(server.folder, 'Modelfile'), model.modelfile)
  await server.run(['create', model.name, '-f', 'Modelfile'])
  return server
}
