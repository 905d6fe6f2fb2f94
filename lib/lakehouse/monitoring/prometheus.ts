import { Construct } from 'constructs';
import { API_SERVER_PORTS, apiServer, kubelets } from '../network/addresses';
import { declareFlows, type Flow, metricsOf } from '../network/flow';
import { PROMETHEUS, STATE_METRICS } from '../network/neighbours';

/** Prometheus beside the app, as its own chart installs it: it reads the metrics of every construct of the app. */
export class Prometheus extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    declareFlows(this, () => this.flows());
  }

  private flows(): Flow[] {
    const api = { to: apiServer(this), ports: API_SERVER_PORTS };
    return [
      ...metricsOf(this.node.root).map(({ end, ports }) => ({
        from: PROMETHEUS,
        to: end,
        ports,
        why: 'metrics',
      })),
      { from: PROMETHEUS, to: STATE_METRICS, ports: [8080], why: 'metrics' },
      { from: PROMETHEUS, ...api, why: 'targets are discovered' },
      { from: PROMETHEUS, to: kubelets(this), ports: [10250], why: 'metrics of containers' },
      { from: STATE_METRICS, ...api, why: 'the state of objects' },
    ];
  }
}
