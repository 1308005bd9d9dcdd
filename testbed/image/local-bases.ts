import { spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { temporaryDirectory } from '../temporary.ts'
import { debianRoot } from './debian-root.ts'

/** What Node needs, as in the usual base without a shell. */
const LIBRARIES = ['libc6', 'libgcc-s1', 'libstdc++6']
/** And what npm needs besides: the library that Node needs and the usual base lacks, a shell, `env`, `cp`. */
const TOOLS = ['libatomic1', 'dash', 'coreutils', 'libacl1', 'libattr1', 'libselinux1', 'libpcre2-8-0', 'libgmp10']
/** What prints the chains of a firewall, for the agent's image. */
const CHAINS = ['iptables', 'libip4tc2', 'libip6tc2', 'libxtables12', 'libnftnl11', 'libmnl0']
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

type Docker = (args: readonly string[]) => Promise<string>

/** Makes an image of a folder, with settings in the words of a Dockerfile. */
const importFolder = (folder: string, tag: string, settings: readonly string[], dockerHost: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const tar = spawn('tar', ['-C', folder, '--numeric-owner', '--owner=0', '--group=0', '-c', '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const args = ['import', ...settings.flatMap((each) => ['-c', each]), '-', tag]
    const docker = spawn('docker', args, {
      stdio: [tar.stdout, 'ignore', 'inherit'],
      env: { ...process.env, DOCKER_HOST: dockerHost },
    })
    docker.once('error', reject)
    docker.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`importing ${tag}: docker ended with ${code}`)),
    )
  })

const present = (docker: Docker, tag: string): Promise<boolean> =>
  docker(['image', 'inspect', tag]).then(
    () => true,
    () => false,
  )

const made = async (fill: (root: string) => Promise<readonly string[]>, tag: string, host: string): Promise<void> => {
  const { path: work, remove } = temporaryDirectory('podmend-base-')
  try {
    await importFolder(work, tag, await fill(work), host)
  } finally {
    remove()
  }
}

const copyRoot = async (name: string, packages: readonly string[], root: string): Promise<void> => {
  cpSync(await debianRoot(name, packages), root, { recursive: true, verbatimSymlinks: true })
  for (const each of ['share/doc', 'share/man', 'share/locale', 'share/info', 'share/lintian', 'share/gdb']) {
    rmSync(join(root, 'usr', each), { recursive: true, force: true })
  }
  for (const each of ['tmp', 'etc', 'proc', 'dev', 'sys']) mkdirSync(join(root, each), { recursive: true })
  chmodSync(join(root, 'tmp'), 0o1777)
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/nologin\nnonroot:x:65532:65532:nonroot:/home:/nologin\n',
  )
}

/** The npm that this machine has, as a folder. */
const npmFolder = (): string => {
  const places = (process.env['PATH'] ?? '').split(delimiter).map((each) => join(dirname(each), 'lib/node_modules/npm'))
  const found = places.find((each) => existsSync(join(each, 'bin/npm-cli.js')))
  if (found === undefined) throw new Error(`finding npm: none of ${places.join(', ')}`)
  return found
}

/** Bases made of Debian packages and this machine's Node and npm, for where no registry of images can be reached. */
export const localBases = async (
  docker: Docker,
  dockerHost: string,
): Promise<{ readonly base: string; readonly buildBase: string }> => {
  const base = 'podmend.local/base:3'
  const buildBase = `podmend.local/build-base:4-node${process.versions.node}`
  if (!(await present(docker, base))) {
    await made(
      async (root) => {
        await copyRoot('base-root', LIBRARIES, root)
        return ['USER 65532:65532']
      },
      base,
      dockerHost,
    )
  }
  if (!(await present(docker, buildBase))) {
    await made(
      async (root) => {
        await copyRoot('build-base-root', [...LIBRARIES, ...TOOLS, ...CHAINS], root)
        for (const each of ['usr/local/bin', 'usr/local/lib', 'etc/ssl/certs', 'root']) {
          mkdirSync(join(root, each), { recursive: true })
        }
        cpSync(process.execPath, join(root, 'usr/local/bin/node'))
        cpSync(npmFolder(), join(root, 'usr/local/lib/npm'), { recursive: true })
        symlinkSync('../lib/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
        if (existsSync(CERTIFICATES)) cpSync(CERTIFICATES, join(root, CERTIFICATES), { dereference: true })
        return [
          'ENV PATH=/usr/local/bin:/usr/bin:/bin',
          'ENV HOME=/root',
          // The machine may trust more than Node does, and fetch through it.
          ...(existsSync(CERTIFICATES) ? [`ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`] : []),
        ]
      },
      buildBase,
      dockerHost,
    )
  }
  return { base, buildBase }
}
