// Package kubelets stands in for the kubelets and the EBS CSI provisioner of a cluster that has no machines:
// it reports every bound pod as running and ready (pods of a Job as succeeded) once the ConfigMaps that it mounts are
// there, finishes deletions, and answers a claim whose node the scheduler has picked with a volume in that node's zone.
// It decides nothing: where a pod runs is the real scheduler's work, what pods exist the real controllers'.
package kubelets

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
)

// Provisioner is the name that the StorageClass of an EKS cluster gives for EBS volumes.
const Provisioner = "ebs.csi.aws.com"

const (
	selectedNode  = "volume.kubernetes.io/selected-node"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
	// The label that the EBS CSI driver puts on volumes and nodes.
	zoneLabel = "topology.kubernetes.io/zone"
	// How often a failed update is tried before it is reported and left to the next event.
	attempts = 5
	workers  = 4
	// How often a pod is looked at that waits for a ConfigMap.
	mountRetry = time.Second
)

var errNotMounted = fmt.Errorf("a ConfigMap that the pod mounts is not there")

type kubelets struct {
	client kubernetes.Interface
	nodes  func(name string) (*corev1.Node, error)
	lastIP atomic.Uint32
}

// Main runs until SIGTERM or SIGINT; flags: --kubeconfig FILE.
func Main(arguments []string) int {
	flags := flag.NewFlagSet("kubelets", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", os.Getenv("KUBECONFIG"), "file with the API server's address and credentials")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fmt.Fprintf(os.Stderr, "kubeconfig %q cannot be used: %v\n", *kubeconfig, err)
		return 2
	}
	config.QPS, config.Burst = 200, 400
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	run(ctx, kubernetes.NewForConfigOrDie(config))
	return 0
}

func run(ctx context.Context, client kubernetes.Interface) {
	factory := informers.NewSharedInformerFactory(client, 30*time.Second)
	nodes := factory.Core().V1().Nodes()
	k := &kubelets{client: client, nodes: nodes.Lister().Get}

	pods := follow(factory.Core().V1().Pods().Informer(), func(ctx context.Context, object any) error {
		return k.reportPod(ctx, object.(*corev1.Pod))
	})
	claims := follow(factory.Core().V1().PersistentVolumeClaims().Informer(), func(ctx context.Context, object any) error {
		return k.provision(ctx, object.(*corev1.PersistentVolumeClaim))
	})
	nodes.Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for range workers {
		go pods(ctx)
		go claims(ctx)
	}
	<-ctx.Done()
}

// follow queues each added or changed object and returns the loop that handles them.
func follow(informer cache.SharedIndexInformer, handle func(context.Context, any) error) func(context.Context) {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	enqueue := func(object any) {
		if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
			queue.Add(key)
		}
	}
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
	})
	return func(ctx context.Context) {
		context.AfterFunc(ctx, queue.ShutDown)
		for {
			key, shutdown := queue.Get()
			if shutdown {
				return
			}
			if object, exists, _ := informer.GetStore().GetByKey(key); exists {
				if err := handle(ctx, object); err == errNotMounted {
					queue.AddAfter(key, mountRetry)
				} else if err != nil && !errors.IsNotFound(err) {
					if queue.NumRequeues(key) < attempts {
						queue.AddRateLimited(key)
					} else {
						fmt.Fprintf(os.Stderr, "%s: %v\n", key, err)
						queue.Forget(key)
					}
				} else {
					queue.Forget(key)
				}
			}
			queue.Done(key)
		}
	}
}

func (k *kubelets) reportPod(ctx context.Context, pod *corev1.Pod) error {
	if pod.Spec.NodeName == "" {
		return nil
	}
	if pod.DeletionTimestamp != nil {
		now := int64(0)
		return k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &now,
			Preconditions:      &metav1.Preconditions{UID: &pod.UID},
		})
	}
	if pod.Status.Phase != corev1.PodPending {
		return nil
	}
	if err := k.mount(ctx, pod); err != nil {
		return err
	}
	reported := pod.DeepCopy()
	finished := metav1.GetControllerOf(pod) != nil && metav1.GetControllerOf(pod).Kind == "Job"
	reported.Status = k.status(pod, finished)
	_, err := k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, reported, metav1.UpdateOptions{})
	if errors.IsConflict(err) {
		return nil // The change that caused the conflict is queued already.
	}
	return err
}

// mount fails while a ConfigMap is missing that the pod mounts: a kubelet keeps such a pod in ContainerCreating.
func (k *kubelets) mount(ctx context.Context, pod *corev1.Pod) error {
	for _, volume := range pod.Spec.Volumes {
		source := volume.ConfigMap
		if source == nil || source.Optional != nil && *source.Optional {
			continue
		}
		_, err := k.client.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, source.Name, metav1.GetOptions{})
		if errors.IsNotFound(err) {
			return errNotMounted
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *kubelets) status(pod *corev1.Pod, finished bool) corev1.PodStatus {
	now := metav1.Now()
	number := k.lastIP.Add(1)
	status := *pod.Status.DeepCopy()
	status.Phase = corev1.PodRunning
	status.PodIP = fmt.Sprintf("10.%d.%d.%d", number>>16&0xff, number>>8&0xff, number&0xff)
	status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	status.StartTime = &now
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
	ready := corev1.ConditionTrue
	if finished {
		status.Phase = corev1.PodSucceeded
		state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: now, FinishedAt: now}}
		ready = corev1.ConditionFalse
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		value := ready
		if kind == corev1.PodInitialized {
			value = corev1.ConditionTrue
		}
		setCondition(&status, corev1.PodCondition{Type: kind, Status: value, LastTransitionTime: now})
	}
	running := ready == corev1.ConditionTrue
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image, Ready: running, Started: &running, State: state,
		})
	}
	done := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: now, FinishedAt: now}}
	for _, container := range pod.Spec.InitContainers {
		status.InitContainerStatuses = append(status.InitContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image, Ready: true, State: done,
		})
	}
	return status
}

func setCondition(status *corev1.PodStatus, condition corev1.PodCondition) {
	for i := range status.Conditions {
		if status.Conditions[i].Type == condition.Type {
			status.Conditions[i] = condition
			return
		}
	}
	status.Conditions = append(status.Conditions, condition)
}

func (k *kubelets) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	name := claim.Annotations[selectedNode]
	if name == "" || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil {
		return nil
	}
	node, err := k.nodes(name)
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().PersistentVolumes().Create(ctx, volume(claim, node.Labels[zoneLabel]), metav1.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func volume(claim *corev1.PersistentVolumeClaim, zone string) *corev1.PersistentVolume {
	filesystem := corev1.PersistentVolumeFilesystem
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "pvc-" + string(claim.UID),
			Annotations: map[string]string{provisionedBy: Provisioner},
		},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      claim.Spec.Resources.Requests,
			StorageClassName:              *claim.Spec.StorageClassName,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			VolumeMode:                    &filesystem,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: Provisioner, VolumeHandle: "vol-" + string(claim.UID)},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: zoneLabel, Operator: corev1.NodeSelectorOpIn, Values: []string{zone}},
				}}},
			}},
		},
	}
}
