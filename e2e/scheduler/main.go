// Package main answers questions about one small cluster with the real kube-scheduler: its framework, its default
// plugins, its preemption. Each line of standard input is a question in JSON, each line of output its answer.
//
// A question names nodes, other objects (volumes, claims, namespaces, budgets) and pods. Each of `orders` lets pods
// arrive in that order on the empty nodes; a pod that finds no node waits and is tried again when another was placed
// or pushed out. Each of `replays` puts pods on their nodes one by one, each checked by the filters first, then asks
// where one more would go, and then lets the others arrive in some orders.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"runtime/debug"
	"slices"

	v1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/scheduler"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/profile"
)

type question struct {
	Nodes   []*v1.Node        `json:"nodes"`
	Objects []json.RawMessage `json:"objects"`
	Pods    []*v1.Pod         `json:"pods"`
	// Nodes by index that are cordoned: for orders from the start, for replays once their pods are placed.
	Cordoned []int    `json:"cordoned"`
	Orders   []order  `json:"orders"`
	Replays  []replay `json:"replays"`
	Seed     int64    `json:"seed"`
	// Whether the answer tells each step of each order.
	Trace bool `json:"trace"`
}

type order struct {
	// "score": the node that the scheduler prefers; "any": a random one of those that pass the filters.
	Choose string `json:"choose"`
	// By index, in the order of their arrival.
	Pods []int `json:"pods"`
}

type replay struct {
	// Pairs of pod and node by index.
	Placed [][2]int `json:"placed"`
	// The pod that comes then.
	Ask int `json:"ask"`
	// Each lets the pods that are left arrive after those that are placed.
	Then []order `json:"then"`
}

type answer struct {
	// For each order, the pods that found no node in the end.
	Pending [][]int `json:"pending"`
	// For each replay: the nodes that would take the pod, and the node that preemption would free for it.
	Asked []asked `json:"asked"`
	Error string  `json:"error,omitempty"`
	// For each order, its steps in turn.
	Traces [][]step `json:"traces,omitempty"`
}

// step is one pod's turn: the nodes that pass every filter, and the one it got.
type step struct {
	Pod   int      `json:"pod"`
	Nodes []string `json:"nodes"`
	On    string   `json:"on"`
}

type asked struct {
	Nodes     []string `json:"nodes"`
	Nominated string   `json:"nominated"`
	// For each order of `then`, the pods that found no node in the end.
	Pending [][]int `json:"pending,omitempty"`
	// Why a pod of the replay could not be placed.
	Error string `json:"error,omitempty"`
}

func main() {
	klog.InitFlags(nil)
	_ = flag.Set("logtostderr", "false")
	_ = flag.Set("stderrthreshold", "FATAL")
	klog.SetOutput(io.Discard)
	// Each question leaves a whole scheduler behind, and little of it lives on: collect seldom.
	debug.SetGCPercent(800)
	// Victims are deleted before the answer, not in the background.
	if err := utilfeature.DefaultMutableFeatureGate.Set("SchedulerAsyncPreemption=false"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<28)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var ask question
		reply := answer{}
		if err := json.Unmarshal(lines.Bytes(), &ask); err != nil {
			reply.Error = err.Error()
		} else if err := respond(&ask, &reply); err != nil {
			reply.Error = err.Error()
		}
		if err := output.Encode(reply); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cluster is a scheduler with its cache, and what it was told to delete.
type cluster struct {
	ctx      context.Context
	sched    *scheduler.Scheduler
	profile  framework.Framework
	snapshot *internalcache.Snapshot
	nodes    []*v1.Node
	pods     []*v1.Pod
	on       map[int]string
	index    map[types.NamespacedName]int
	victims  []int
	random   *rand.Rand
	choose   string
	trace    bool
	steps    []step
}

func respond(ask *question, reply *answer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := newCluster(ctx, ask)
	if err != nil {
		return err
	}
	for _, replay := range ask.Replays {
		result, err := c.replay(replay, ask.Cordoned)
		if err != nil {
			return err
		}
		for number, then := range replay.Then {
			if result.Error != "" {
				break
			}
			pending, err := c.continueWith(replay, then, ask.Cordoned, ask.Seed+int64(number))
			if err != nil {
				return err
			}
			result.Pending = append(result.Pending, pending)
		}
		reply.Asked = append(reply.Asked, result)
	}
	for _, number := range ask.Cordoned {
		c.setCordoned(number, true)
	}
	for number, order := range ask.Orders {
		c.random = rand.New(rand.NewSource(ask.Seed + int64(number)))
		c.choose = order.Choose
		c.steps = nil
		pending, err := c.arrive(order.Pods)
		if err != nil {
			return err
		}
		if c.trace {
			reply.Traces = append(reply.Traces, c.steps)
		}
		reply.Pending = append(reply.Pending, pending)
		if err := c.clear(); err != nil {
			return err
		}
	}
	return nil
}

// replay puts pods where a witness has them and asks for one more.
func (c *cluster) replay(replay replay, cordoned []int) (result asked, err error) {
	defer func() { err = errors.Join(err, c.clear()) }()
	if result.Error, err = c.placeAll(replay.Placed); err != nil || result.Error != "" {
		return result, err
	}
	for _, number := range cordoned {
		c.setCordoned(number, true)
		defer c.setCordoned(number, false)
	}
	nodes, state, err := c.feasible(replay.Ask)
	if err != nil {
		return asked{}, err
	}
	result.Nodes = nodes
	if len(nodes) == 0 {
		result.Nominated, err = c.preempt(replay.Ask, state)
	}
	return result, err
}

// continueWith puts pods where a witness has them and lets the others arrive.
func (c *cluster) continueWith(replay replay, then order, cordoned []int, seed int64) (pending []int, err error) {
	defer func() { err = errors.Join(err, c.clear()) }()
	if _, err = c.placeAll(replay.Placed); err != nil {
		return nil, err
	}
	for _, number := range cordoned {
		c.setCordoned(number, true)
		defer c.setCordoned(number, false)
	}
	c.random = rand.New(rand.NewSource(seed))
	c.choose = then.Choose
	return c.arrive(then.Pods)
}

// placeAll puts pods on nodes one by one; the text says which of them the filters keep off.
func (c *cluster) placeAll(placed [][2]int) (string, error) {
	for _, pair := range placed {
		nodes, _, err := c.feasible(pair[0])
		if err != nil {
			return "", err
		}
		name := c.nodes[pair[1]].Name
		if !slices.Contains(nodes, name) {
			return fmt.Sprintf("pod %s does not pass the filters of node %s", c.pods[pair[0]].Name, name), nil
		}
		if err := c.assume(pair[0], name); err != nil {
			return "", err
		}
	}
	return "", nil
}

func newCluster(ctx context.Context, ask *question) (*cluster, error) {
	c := &cluster{
		ctx: ctx, nodes: ask.Nodes, pods: ask.Pods, trace: ask.Trace,
		on: map[int]string{}, index: map[types.NamespacedName]int{},
	}
	objects, err := decode(ask.Objects)
	if err != nil {
		return nil, err
	}
	client := fake.NewClientset(objects...)
	client.PrependReactor("delete", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		deleted := action.(clienttesting.DeleteAction)
		c.victims = append(c.victims, c.index[types.NamespacedName{Namespace: deleted.GetNamespace(), Name: deleted.GetName()}])
		return true, nil, nil
	})
	client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &v1.Pod{}, nil
	})
	factory := informers.NewSharedInformerFactory(client, 0)
	recorders := profile.NewRecorderFactory(events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()}))
	c.sched, err = scheduler.New(ctx, client, factory, nil, recorders, scheduler.WithParallelism(1))
	if err != nil {
		return nil, err
	}
	if len(objects) > 0 {
		factory.Start(ctx.Done())
		factory.WaitForCacheSync(ctx.Done())
	}
	c.profile = c.sched.Profiles[v1.DefaultSchedulerName]
	snapshot, ok := c.profile.SnapshotSharedLister().(*internalcache.Snapshot)
	if !ok {
		return nil, errors.New("the framework's snapshot is not the scheduler's")
	}
	c.snapshot = snapshot
	logger := klog.FromContext(ctx)
	for _, node := range ask.Nodes {
		legacyscheme.Scheme.Default(node)
		c.sched.Cache.AddNode(logger, node)
	}
	for number, pod := range ask.Pods {
		legacyscheme.Scheme.Default(pod)
		pod.UID = types.UID(fmt.Sprintf("pod-%d", number))
		c.index[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}] = number
		// Preemption looks its pod up here.
		if err := factory.Core().V1().Pods().Informer().GetIndexer().Add(pod); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func decode(raw []json.RawMessage) ([]runtime.Object, error) {
	var objects []runtime.Object
	for _, line := range raw {
		var kind struct {
			Kind string `json:"kind"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return nil, err
		}
		var object runtime.Object
		switch kind.Kind {
		case "PersistentVolume":
			object = &v1.PersistentVolume{}
		case "PersistentVolumeClaim":
			object = &v1.PersistentVolumeClaim{}
		case "Namespace":
			object = &v1.Namespace{}
		case "StorageClass":
			object = &storage.StorageClass{}
		case "CSINode":
			object = &storage.CSINode{}
		case "PodDisruptionBudget":
			object = &policy.PodDisruptionBudget{}
		default:
			return nil, fmt.Errorf("objects of kind %q are not taken", kind.Kind)
		}
		if err := json.Unmarshal(line, object); err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

func (c *cluster) refresh() error {
	return c.sched.Cache.UpdateSnapshot(klog.FromContext(c.ctx), c.snapshot)
}

// feasible runs the filters of every node, as a scheduling cycle does.
func (c *cluster) feasible(pod int) ([]string, fwk.CycleState, error) {
	if err := c.refresh(); err != nil {
		return nil, nil, err
	}
	state := framework.NewCycleState()
	allowed, status, _ := c.profile.RunPreFilterPlugins(c.ctx, state, c.pods[pod])
	if !status.IsSuccess() {
		if status.IsRejected() {
			return nil, state, nil
		}
		return nil, nil, status.AsError()
	}
	infos, err := c.snapshot.NodeInfos().List()
	if err != nil {
		return nil, nil, err
	}
	var nodes []string
	for _, info := range infos {
		name := info.Node().Name
		if !allowed.AllNodes() && !allowed.NodeNames.Has(name) {
			continue
		}
		if c.profile.RunFilterPluginsWithNominatedPods(c.ctx, state, c.pods[pod], info).IsSuccess() {
			nodes = append(nodes, name)
		}
	}
	return nodes, state, nil
}

// schedule is one scheduling cycle: a node, or none after preemption was tried.
func (c *cluster) schedule(pod int) (string, error) {
	if c.choose == "any" {
		nodes, state, err := c.feasible(pod)
		if err != nil || len(nodes) == 0 {
			if err != nil {
				return "", err
			}
			_, err = c.preempt(pod, state)
			return "", err
		}
		return nodes[c.random.Intn(len(nodes))], nil
	}
	if err := c.refresh(); err != nil {
		return "", err
	}
	state := framework.NewCycleState()
	info, err := framework.NewPodInfo(c.pods[pod])
	if err != nil {
		return "", err
	}
	result, err := c.sched.SchedulePod(c.ctx, c.profile, state, &framework.QueuedPodInfo{PodInfo: info})
	if err == nil {
		return result.SuggestedHost, nil
	}
	var unfit *framework.FitError
	if !errors.As(err, &unfit) {
		return "", err
	}
	_, status := c.profile.RunPostFilterPlugins(c.ctx, state, c.pods[pod], unfit.Diagnosis.NodeToStatus)
	if status.Code() == fwk.Error {
		return "", status.AsError()
	}
	return "", nil
}

// preempt asks the PostFilter plugins; victims are noted, not yet removed.
func (c *cluster) preempt(pod int, _ fwk.CycleState) (string, error) {
	if err := c.refresh(); err != nil {
		return "", err
	}
	state := framework.NewCycleState()
	info, err := framework.NewPodInfo(c.pods[pod])
	if err != nil {
		return "", err
	}
	_, err = c.sched.SchedulePod(c.ctx, c.profile, state, &framework.QueuedPodInfo{PodInfo: info})
	var unfit *framework.FitError
	if err == nil || !errors.As(err, &unfit) {
		return "", fmt.Errorf("pod %s fits for the scheduler but passed no filter: %w", c.pods[pod].Name, err)
	}
	result, status := c.profile.RunPostFilterPlugins(c.ctx, state, c.pods[pod], unfit.Diagnosis.NodeToStatus)
	if status.Code() == fwk.Error {
		return "", status.AsError()
	}
	if !status.IsSuccess() || result == nil || result.NominatingInfo == nil {
		return "", nil
	}
	return result.NominatingInfo.NominatedNodeName, nil
}

func (c *cluster) assume(pod int, node string) error {
	assumed := c.pods[pod].DeepCopy()
	assumed.Spec.NodeName = node
	if err := c.sched.Cache.AssumePod(klog.FromContext(c.ctx), assumed); err != nil {
		return err
	}
	c.on[pod] = node
	return nil
}

func (c *cluster) forget(pod int) error {
	assumed := c.pods[pod].DeepCopy()
	assumed.Spec.NodeName = c.on[pod]
	delete(c.on, pod)
	return c.sched.Cache.ForgetPod(klog.FromContext(c.ctx), assumed)
}

func (c *cluster) setCordoned(number int, cordoned bool) {
	former := c.nodes[number]
	node := former.DeepCopy()
	node.Spec.Unschedulable = cordoned
	taint := v1.Taint{Key: v1.TaintNodeUnschedulable, Effect: v1.TaintEffectNoSchedule}
	if cordoned {
		node.Spec.Taints = append(node.Spec.Taints, taint)
	} else {
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(other v1.Taint) bool { return other.MatchTaint(&taint) })
	}
	c.sched.Cache.UpdateNode(klog.FromContext(c.ctx), former, node)
	c.nodes[number] = node
}

// arrive lets pods come in order; who finds no node waits until something changes.
func (c *cluster) arrive(order []int) ([]int, error) {
	queue := append([]int{}, order...)
	waiting := []int{}
	// Preemption ends: priorities fall. The bound is for a fault in it.
	for cycles := 0; len(queue) > 0; cycles++ {
		if cycles > 50*len(c.pods)+100 {
			return nil, errors.New("the pods keep pushing each other out")
		}
		pod := queue[0]
		queue = queue[1:]
		c.victims = nil
		node, err := c.schedule(pod)
		if err != nil {
			return nil, err
		}
		if c.trace {
			nodes, _, err := c.feasible(pod)
			if err != nil {
				return nil, err
			}
			c.steps = append(c.steps, step{Pod: pod, Nodes: nodes, On: node})
		}
		if node != "" {
			if err := c.assume(pod, node); err != nil {
				return nil, err
			}
			queue = append(queue, waiting...)
			waiting = []int{}
			continue
		}
		if len(c.victims) == 0 {
			waiting = append(waiting, pod)
			continue
		}
		victims := c.victims
		for _, victim := range victims {
			if err := c.forget(victim); err != nil {
				return nil, err
			}
		}
		// The one that pushed comes first, its victims after all others.
		queue = append(append([]int{pod}, append(queue, waiting...)...), victims...)
		waiting = []int{}
	}
	return waiting, nil
}

// clear takes every pod off its node.
func (c *cluster) clear() error {
	for pod := range c.on {
		if err := c.forget(pod); err != nil {
			return err
		}
	}
	return nil
}
