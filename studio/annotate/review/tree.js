/**
 * The history of a face as rows, newest first: runs of drafts folded, and the lines that join
 * revisions to what they were painted on.
 *
 * @typedef {object} Row
 * @property {object[]} revisions one, or the folded drafts of one person, newest first
 * @property {boolean} isFolded they are drafts on the way to the row above
 *
 * @typedef {object} Strand how one row of the tree is drawn, in columns from 0
 * @property {number} column of the row's own dot
 * @property {number[]} passing columns of lines that go by
 * @property {number[]} joining columns of lines that come from above and end in the dot
 * @property {boolean} hasParent a line leaves the dot downwards
 */

/** The revision in force: the newest that was painted on the one in force before it. */
export function inForce(revisions) {
  return revisions.findLast((revision) => !revision.was_stale) ?? null;
}

/** A step of somebody's painting, unlike a draft that was imported or predicted. */
function isPaintedDraft({ status, source }) {
  return status === 'draft' && source === 'painted';
}

/** @param {object[]} revisions oldest first @returns {Row[]} newest first */
export function rowsOf(revisions) {
  const byId = new Map(revisions.map((revision) => [revision.id, revision]));
  const children = new Map();
  for (const { parent_id: parent } of revisions) children.set(parent, (children.get(parent) ?? 0) + 1);
  const current = inForce(revisions);
  const isFoldable = (revision) => isPaintedDraft(revision) && revision !== current && children.get(revision.id) === 1;
  const placed = new Set();
  const rows = [];
  for (const revision of revisions.toReversed()) {
    if (placed.has(revision)) continue;
    const run = isFoldable(revision) ? runOf(revision, byId, isFoldable) : [revision];
    for (const each of run) placed.add(each);
    rows.push({ revisions: run, isFolded: isFoldable(revision) });
  }
  return rows;
}

/** A draft and the drafts it was painted on, as far back as they are one person's and nobody branched off. */
function runOf(newest, byId, isFoldable) {
  const run = [newest];
  for (;;) {
    const parent = byId.get(run.at(-1).parent_id);
    if (!parent || !isFoldable(parent) || parent.author !== newest.author) return run;
    run.push(parent);
  }
}

/**
 * @param {Row[]} rows newest first
 * @returns {Strand[]} one per row
 */
export function strandsOf(rows) {
  const awaited = []; // column -> id of the revision that its line leads down to
  const known = new Set(rows.flatMap((row) => row.revisions.map(({ id }) => id)));
  return rows.map(({ revisions }) => {
    const ids = revisions.map(({ id }) => id);
    const joining = columnsWhere(awaited, (id) => ids.includes(id));
    const column = joining[0] ?? freeColumn(awaited);
    for (const each of joining) awaited[each] = null;
    const passing = columnsWhere(awaited, (id) => id !== null);
    const parent = revisions.at(-1).parent_id;
    const hasParent = known.has(parent);
    awaited[column] = hasParent ? parent : null;
    return { column, passing, joining, hasParent };
  });
}

function columnsWhere(awaited, isWanted) {
  return awaited.flatMap((id, column) => (id !== null && isWanted(id) ? [column] : []));
}

function freeColumn(awaited) {
  const free = awaited.indexOf(null);
  return free < 0 ? awaited.length : free;
}

/**
 * What the mask in force is best compared with at first: the newest one with other pixels that is no
 * step of somebody's painting, else one that was kept beside, else itself.
 */
export function bestToCompare(revisions) {
  const current = inForce(revisions);
  const others = revisions.filter(({ sha256 }) => sha256 !== current?.sha256);
  return others.findLast((one) => !isPaintedDraft(one)) ?? others.findLast((one) => one.was_stale) ?? current;
}
