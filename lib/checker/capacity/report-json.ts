import { line } from '../finding/reporter';
import type { Advice } from './advice';
import { labelOf } from './problem';
import { type CapacityReport, nodeLoads } from './report';
import { type Asked, NOTHING_ASKED } from './report-text';

/** The report as data: amounts in millicores and bytes. */
export function reportJson(
  report: CapacityReport,
  advice: readonly Advice[],
  { shares, growths }: Asked = NOTHING_ASKED,
): unknown {
  return {
    nodes: report.nodes.map(({ name, instanceType, allocatable }) => ({
      name,
      instanceType: instanceType.name,
      allocatable,
    })),
    problems: report.findings.map(finding => line(finding)),
    scenarios: report.scenarios.map(({ scenario, verdict, room, sameAs, survivals }) => ({
      id: scenario.id,
      title: scenario.title,
      zones: scenario.layout,
      verdict: verdict.verdict,
      ...(sameAs === undefined ? {} : { sameAs }),
      ...(verdict.impossible === undefined
        ? {}
        : {
            bindingResource: verdict.impossible.bindingResource ?? null,
            bindingRelation: verdict.impossible.bindingRelation ?? null,
            largestPod: verdict.impossible.largestPod,
            proof: verdict.impossible.proof.kind,
          }),
      ...(survivals.length === 0
        ? {}
        : {
            afterLoss: survivals.map(({ set, of, stay, needs, because, works }) => ({
              pods: labelOf(set),
              of,
              stay,
              needs,
              because,
              works,
            })),
          }),
      ...(scenario.deadlocks.length === 0 ? {} : { deadlocks: scenario.deadlocks }),
      pods: verdict.kinds.map(({ label, count, priority, verdict: own, atMinimum, witness, bound }) => ({
        label,
        count,
        priority,
        verdict: own,
        ...(atMinimum === undefined ? {} : { atMinimum }),
        ...(witness === undefined ? {} : { witness }),
        ...(bound === undefined ? {} : { bound }),
      })),
      ...(verdict.placement === undefined
        ? {}
        : { placement: nodeLoads(scenario.unbound, verdict.placement) }),
      ...(room === undefined ? {} : { room: nodeLoads(scenario.unbound, room) }),
    })),
    advice,
    ...(shares.length === 0
      ? {}
      : {
          frequency: shares.map(({ label, placed, orders, interval }) => ({
            label,
            placed,
            orders,
            interval,
          })),
        }),
    ...(growths.length === 0 ? {} : { whatIf: growths }),
  };
}
