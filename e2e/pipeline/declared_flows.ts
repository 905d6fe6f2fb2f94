import { dataFlowsOf } from '../../lib/lakehouse/workload/data-flow';
import { app } from '../../main';

/** Prints what the constructs of main.ts state that their programs do with data, by the object that runs each. */
console.log(JSON.stringify(Object.fromEntries(dataFlowsOf(app))));
