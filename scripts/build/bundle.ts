import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '../..')
const ENTRIES = ['src/controller.ts', 'src/cli.ts', 'src/agent.ts']

/** CommonJS packages in a bundle of ES modules ask for Node's own modules by `require`. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);"

/**
 * Bundles each program, with its libraries, into `folder`, which is emptied first. What is loaded only at need (reading a
 * kubeconfig) stays in files of its own. Not minified: it can be read where it runs. Throws with what esbuild says.
 */
export const bundle = async (folder: string): Promise<readonly { readonly file: string; readonly bytes: number }[]> => {
  rmSync(folder, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    banner: { js: REQUIRE },
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
  })
  return Object.entries(metafile.outputs).map(([file, { bytes }]) => ({ file: resolve(ROOT, file), bytes }))
}
