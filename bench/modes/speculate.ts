import type { SpeechOrder } from '../load-order.ts';
import { type Findings, type Mode, type ModeOptions, median, percent, table } from '../mode.ts';
import { type Rig, startRig } from '../rig.ts';
import { playRound, untilItCounts, VoidRound } from '../round.ts';
import { describeSpeech } from '../speech.ts';
import { type Subject, startSubject } from '../subjects.ts';

const GAPS_MS = [0, 200, 400, 600, 800];
/** Time to first token of a hosted model on a long prompt: log-normal, median 500 ms, p95 1.1 s; then 50 tokens a second. */
const MODEL = { medianMs: 500, sigma: 0.472, stallRatio: 0, stallMs: 0, tokenMs: 20 };
const HEARD = { revisions: 0.1, reasks: 0.1 };
/** The period is not used: callers speak at their own pace. */
const LOAD = { calls: 200, turns: 4, pace: { kind: 'open', everyMs: 5_000 } } as const;
/** So that neither server is compiled while it is measured, and both know the model's times. */
const WARM_UP = { calls: 50, turns: 3, pace: { kind: 'backToBack', atOnce: 25 } } as const;
const LIMITS = { gain: 0.6, moreTokens: 0.35, lost: 0.01 };

interface Figures {
  /** Mean time from the ask to the first sentence of the answer. */
  readonly answerMs: number;
  readonly requests: number;
  readonly tokens: number;
  readonly adopted: number;
  readonly wasted: number;
  readonly lost: number;
}

interface Pair {
  readonly gapMs: number;
  readonly without: Figures;
  readonly with: Figures;
}

/** Drafts before the ask: what of the gap is won, and what it costs. */
export const speculateMode: Mode = { name: 'speculate', title: 'Drafts before the ask', run: measureSpeculation };

async function measureSpeculation(options: ModeOptions): Promise<Findings> {
  const pairs: Pair[] = [];
  await using rig = await startRig();
  for (let run = 1; run <= options.runs; run++) {
    for (const gapMs of GAPS_MS) {
      const play = (speculates: boolean) =>
        untilItCounts(`a gap of ${gapMs} ms`, options.note, () =>
          measure({ gapMs, ...HEARD }, speculates, options.seed + run, rig),
        );
      const without = await play(false);
      const pair = { gapMs, without, with: await play(true) };
      pairs.push(pair);
      options.note(
        `${gapMs} ms: ${without.answerMs.toFixed(0)} / ${pair.with.answerMs.toFixed(0)} ms, ${percent(tokensOf(pair), 1)} tokens, ${pair.with.adopted} adopted, ${pair.with.wasted} wasted, ${without.lost + pair.with.lost} lost`,
      );
    }
  }
  return report(pairs);
}

/** A fresh server each time: what may be wasted is earned by its own turns. */
async function measure(speech: SpeechOrder, speculates: boolean, seed: number, rig: Rig): Promise<Figures> {
  await using subject = await startSubject('ours', {
    modelUrl: rig.model.url,
    env: speculates ? { BENCH_SPECULATE: '1' } : {},
  });
  await rig.model.behave({ ...MODEL, seed });
  await playRound(subject, rig, { seed, ...WARM_UP });
  const before = await speculationsOf(subject);
  await rig.model.behave({ ...MODEL, seed });
  const { result } = await playRound(subject, rig, { seed, ...LOAD, speech });
  const { requests, promptTokens, answerTokens } = await rig.model.count();
  const after = await speculationsOf(subject);
  if (result.lost > LIMITS.lost * LOAD.calls * LOAD.turns) {
    throw new VoidRound(`${result.lost} turns were lost, ${JSON.stringify(result.broken)}`);
  }
  return {
    answerMs: result.answerMs.reduce((sum, ms) => sum + ms, 0) / result.answerMs.length,
    requests,
    tokens: promptTokens + answerTokens,
    adopted: after.adopted - before.adopted,
    wasted: after.wasted - before.wasted,
    lost: result.lost,
  };
}

/** What the server itself counts. */
async function speculationsOf({ adminPort }: Subject): Promise<{ readonly adopted: number; readonly wasted: number }> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const count = (outcome: string) =>
    Number(new RegExp(`^offhook_speculations_total\\{outcome="${outcome}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { adopted: count('adopted'), wasted: count('wasted') };
}

/** The part of the gap by which answers come sooner. */
function gainOf({ gapMs, without, with: speculating }: Pair): number {
  return (without.answerMs - speculating.answerMs) / gapMs;
}

function tokensOf({ without, with: speculating }: Pair): number {
  return speculating.tokens / without.tokens - 1;
}

function report(pairs: readonly Pair[]): Findings {
  const rows = GAPS_MS.map((gapMs) => {
    const of = pairs.filter((pair) => pair.gapMs === gapMs);
    const middle = (figure: (pair: Pair) => number) => median(of.map(figure));
    return {
      gapMs,
      gain: gapMs === 0 ? undefined : middle(gainOf),
      tokens: middle(tokensOf),
      cells: [
        middle(({ without }) => without.answerMs).toFixed(0),
        middle((pair) => pair.with.answerMs).toFixed(0),
        gapMs === 0 ? '' : percent(middle(gainOf), 1),
        percent(middle(tokensOf), 1),
        percent(
          middle((pair) => pair.with.requests / pair.without.requests - 1),
          1,
        ),
        middle((pair) => pair.with.adopted).toFixed(0),
        middle((pair) => pair.with.wasted).toFixed(0),
        String(of.reduce((sum, pair) => sum + pair.without.lost + pair.with.lost, 0)),
      ],
    };
  });
  const gains = rows.flatMap(({ gain }) => gain ?? []);
  const meanGain = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const worstTokens = Math.max(...rows.map(({ tokens }) => tokens));
  return {
    lines: [
      `${LOAD.calls} calls of ${LOAD.turns} turns at each gap (from the last partial transcript to the ask), without and with \`speculate\`; the model's first token`,
      `is log-normal, median ${MODEL.medianMs} ms, then one every ${MODEL.tokenMs} ms, and both are given the same times. Milliseconds are means from the`,
      'ask to the first whole sentence of the answer; *gain* is what of the gap they are sooner; *tokens* are those of all prompts and',
      'answers that the model was sent and wrote, those of drafts for nothing too.',
      '',
      describeSpeech({ gapMs: 0, ...HEARD }),
      '',
      ...table(
        ['gap ms', 'without', 'with', 'gain', 'more tokens', 'more requests', 'adopted', 'wasted', 'lost'],
        rows.map(({ gapMs, cells }) => [String(gapMs), ...cells]),
      ),
    ],
    goals: [
      {
        claim: `Goal 5: at least ${LIMITS.gain * 100} % of every gap won`,
        figure: `${percent(Math.min(...gains), 1)} at the worst, ${percent(meanGain, 1)} in the mean of gaps`,
        isHeld: Math.min(...gains) >= LIMITS.gain,
      },
      {
        claim: `Goal 5: for at most ${LIMITS.moreTokens * 100} % more tokens`,
        figure: `${percent(worstTokens, 1)} at the worst`,
        isHeld: worstTokens <= LIMITS.moreTokens,
      },
    ],
  };
}
