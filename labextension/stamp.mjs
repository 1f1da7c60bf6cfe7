// Writes dist/source.sha256: what the bundle was built from. A test compares it with the sources.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folders = ['schema', 'src'];
const files = ['package-lock.json', 'package.json', 'tsconfig.json'];
const paths = [...files, ...folders.flatMap(folder => readdirSync(folder).map(name => `${folder}/${name}`))];

const digest = createHash('sha256');
for (const path of paths.sort()) {
  digest.update(`${path}\0`).update(readFileSync(path)).update('\0');
}
writeFileSync('dist/source.sha256', `${digest.digest('hex')}\n`);
