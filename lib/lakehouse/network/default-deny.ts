import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { objectLabels } from '../workload/labels';
import { dnsRule, setDeniesByDefault } from './namespace-dns';
import { neighbours } from './neighbours';
import { Workload } from './workload';

export interface DefaultDenyProps {
  readonly namespace: string;
}

/**
 * Cuts off every pod of a namespace in both directions, but for the DNS: what else is let through, workloads say. `Namespace`
 * has one; make one for a namespace that exists when nothing of others is in it.
 *
 * It makes two NetworkPolicies, and one for each operator that is known to be in that namespace. The CNI must enforce
 * policies (Amazon VPC CNI: enableNetworkPolicy).
 */
export class DefaultDeny extends Construct {
  constructor(scope: Construct, id: string, { namespace }: DefaultDenyProps) {
    super(scope, id);
    setDeniesByDefault(this, namespace);
    const labels = objectLabels('network-policy', namespace, 'network');
    const policy = (name: string, spec: object) =>
      new ApiObject(this, name, {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name, namespace, labels },
        spec: { podSelector: {}, ...spec },
      });
    policy('deny-by-default', { policyTypes: ['Ingress', 'Egress'] });
    policy('dns', { policyTypes: ['Egress'], egress: [dnsRule(this)] });
    for (const pods of neighbours.filter(candidate => candidate.namespace === namespace)) {
      new Workload(this, pods.name, { ...pods, isMadeElsewhere: true });
    }
  }
}
